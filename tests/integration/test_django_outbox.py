"""The outbox of a Django project, on SQLite and on PostgreSQL, with a real worker, a real store and a catching server."""

from __future__ import annotations

import base64
import signal
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
import redis
from cryptography.fernet import Fernet
from shops import Shop, shop, shop_with, sqlite
from workers import plant, wait_until

from notifier.testing.supervised import SupervisedProcess


@pytest.fixture
def lone_shop(tmp_path: Path) -> Iterator[Shop]:
    """For what no database makes a difference to."""
    with shop_with(tmp_path) as opened:
        yield opened


def test_attachments_wait_in_the_outbox_with_their_mail_and_go_when_it_has_ended(busy_shop: Shop) -> None:
    busy_shop.killed("order", "committed", number="attached", attach="U2l4dGVlbg==", count=2)
    assert busy_shop.call("rows")["blobs"] == 1
    busy_shop.sent_once("attached", mails=2)
    assert busy_shop.call("rows")["blobs"] == 0
    theirs = [mail for mail in busy_shop.made.server.mailbox if mail.message["To"] == "attached@example.com"]
    assert [[bill.get_content() for bill in mail.message.iter_attachments()] for mail in theirs] == [["Sixteen"]] * 2


def test_one_idempotency_key_in_two_transactions_is_one_mail(busy_shop: Shop) -> None:
    first = busy_shop.order("1", name="Zoë", key="welcome-zoe")
    second = busy_shop.order("2", name="Zoë", key="welcome-zoe")
    busy_shop.settle()
    rows = busy_shop.rows()
    assert [rows[one]["outcome"] for one in (first, second)] == ["sent", "sent"]
    assert [busy_shop.copies()[one] for one in (first, second)] == [1, 0]
    assert rows[second]["ledger_id"] == first


def test_an_idempotency_key_with_another_content_is_held_and_the_others_go(busy_shop: Shop) -> None:
    first = busy_shop.order("3", key="for one mail")
    conflict = busy_shop.order("4", name="Bob", key="for one mail")
    third = busy_shop.order("5")
    busy_shop.settle()
    rows = busy_shop.rows()
    assert (rows[conflict]["state"], rows[first]["outcome"], rows[third]["outcome"]) == ("held", "sent", "sent")
    assert "for one mail" in rows[conflict]["why"]


def test_two_sweepers_at_once_share_the_rows(open_shop: Shop) -> None:
    """And where both have one, the ledger has it once."""
    open_shop.killed("order", "committed", number="1", count=60)
    open_shop.call("forward")
    with ThreadPoolExecutor() as pool:
        others = [Shop(open_shop.made, open_shop.database) for _ in range(2)]
        swept = list(pool.map(lambda other: other.call("sweep"), others))
    for other in others:
        other.close()
    assert sum(one["handed_over"] for one in swept) == 60, "each row was one sweeper's"
    open_shop.made.start_worker(slots=1)
    open_shop.settle()
    assert open_shop.copies() == dict.fromkeys(open_shop.rows(), 1)
    assert len(open_shop.rows()) == 60


@pytest.mark.parametrize("away", ["killed", "frozen"])
def test_a_store_that_is_away_keeps_no_request_from_committing(lone_shop: Shop, away: str) -> None:
    valkey = lone_shop.made.valkey
    valkey.kill() if away == "killed" else valkey.signal(signal.SIGSTOP)
    for number in range(3):
        lone_shop.order(str(number))
    assert {row["state"] for row in lone_shop.rows().values()} == {"open"}
    assert lone_shop.sweep()["error"] in ("StoreUnavailable", "BrokerUnavailable")
    valkey.start() if away == "killed" else valkey.signal(signal.SIGCONT)
    lone_shop.made.start_worker(slots=1)
    lone_shop.settle()
    assert lone_shop.copies() == dict.fromkeys(lone_shop.rows(), 1)
    assert len(lone_shop.rows()) == 3


def test_rows_that_were_settled_long_ago_are_deleted(busy_shop: Shop) -> None:
    busy_shop.order("long ago", attach="U2l4dGVlbg==")
    busy_shop.sent_once("long ago")
    busy_shop.call("years_go_by")
    busy_shop.sweep()
    assert "settled" not in {row["state"] for row in busy_shop.rows().values()}
    assert busy_shop.call("rows")["blobs"] == 0


def command(opened: Shop, *words: str) -> dict[str, Any]:
    return opened.call("command", words=["notifier_outbox", *words])


def test_the_command_sweeps_once_or_says_why_it_cannot(lone_shop: Shop) -> None:
    lone_shop.killed("order", "committed", number="1")
    lone_shop.call("forward")
    done = command(lone_shop, "sweep")
    assert (done["status"], done["out"]) == (0, "default: 1 handed over, 1 looked at, 0 purged\n")
    lone_shop.made.valkey.kill()
    away = command(lone_shop, "sweep", "--database", "default")
    assert (away["status"], away["out"]) == (1, "")
    assert "was not reached" in away["err"]
    for seconds in ("-1", "nan"):
        assert "--every is a number" in command(lone_shop, "sweep", "--every", seconds)["err"]


def test_the_command_goes_on_through_an_outage(lone_shop: Shop) -> None:
    lone_shop.made.start_worker(slots=1)
    lone_shop.made.valkey.kill()
    words = [sys.executable, "-m", "django", "notifier_outbox", "sweep", "--every", "0.5"]
    said = lone_shop.made.folder / "sweeper.log"
    with said.open("wb") as output:
        sweeper = SupervisedProcess(words, env=lone_shop.environ, output=output)
    try:
        lone_shop.order("1")
        wait_until(lambda: "was not reached" in said.read_text(), "it has met the outage")
        lone_shop.made.valkey.start()
        lone_shop.call("forward")
        wait_until(lambda: lone_shop.row()["state"] == "settled", "the row is settled", look_every=0.2)
    finally:
        sweeper.kill()
    assert lone_shop.copies() == dict.fromkeys(lone_shop.rows(), 1)


def test_mails_join_the_transaction_of_the_database_that_is_named(tmp_path: Path) -> None:
    """And a replica, which has the tables, is not swept: nobody can write there."""
    replica = {**sqlite(tmp_path), "TEST": {"MIRROR": "default"}}
    with (
        plant(tmp_path, journal=tmp_path / "accepted.jsonl") as made,
        shop(made, sqlite(tmp_path), other=sqlite(tmp_path, "other"), replica=replica) as opened,
    ):
        made.start_worker(slots=1)
        opened.call("order", number="1", using="other", rolls_back=True)
        mail_id = opened.order("2", using="other")
        made.settle([mail_id], "sent")

        def state() -> str:
            assert opened.call("sweep_all") == {"databases": ["default", "other"]}
            return str(opened.call("rows", using="other")["rows"][mail_id]["state"])

        wait_until(lambda: state() == "settled", "the row is settled", look_every=0.2)
        assert (opened.rows(), opened.copies()) == ({}, {mail_id: 1})


def test_what_the_mails_say_is_encrypted_where_there_is_a_key(lone_shop: Shop) -> None:
    """And a sweeper without the key leaves them as they are."""
    lone_shop.close()
    lone_shop.made.use(NOTIFIER_ENCRYPTION_KEYS=Fernet.generate_key().decode())
    lone_shop.killed("order", "committed", number="1", name="Sixteen Saltines", attach="U2l4dGVlbiBTYWx0aW5lcw==")
    kept = lone_shop.call("kept")
    assert [octets.startswith("gAAAAA") for octets in kept["octets"]] == [True, True]
    assert "Saltines" not in str(kept)
    keys = lone_shop.made.environ.pop("NOTIFIER_ENCRYPTION_KEYS")
    lone_shop.close()
    lone_shop.sweep()
    assert "no key of NOTIFIER_ENCRYPTION_KEYS opens it here" in lone_shop.row()["why"]
    lone_shop.close()
    lone_shop.made.environ["NOTIFIER_ENCRYPTION_KEYS"] = keys
    lone_shop.made.start_worker(slots=1)
    lone_shop.settle()
    (mail,) = lone_shop.made.server.mailbox
    (bill,) = mail.message.iter_attachments()
    assert bill.get_content() == "Sixteen Saltines"


def test_an_attachment_that_looks_encrypted_is_what_it_is(busy_shop: Shop) -> None:
    looks = base64.b64encode(b"gAAAAA is how a token begins").decode()
    busy_shop.killed("order", "committed", number="looks", attach=looks)
    busy_shop.sent_once("looks")


def test_a_person_who_is_forgotten_stands_in_no_row_that_is_settled(busy_shop: Shop) -> None:
    settled = busy_shop.order("ann")
    busy_shop.sent_once("ann")
    busy_shop.killed("order", "committed", number="ann ann")
    said = command(busy_shop, "forget", "ANN@example.com")["out"]
    assert said == "default: taken out of 1 settled mails\n"
    assert busy_shop.rows()[settled]["number"] == ""
    assert "notifier_outbox forget ADDRESS" in command(busy_shop, "forget")["err"]
    assert "invalid choice" in command(busy_shop, "forget", "ann@example.com", "--database", "no")["err"]
    busy_shop.sent_once("ann ann")


def test_a_person_is_found_in_any_case_of_any_letters(lone_shop: Shop) -> None:
    """SQLite knows the capitals of ASCII only."""
    mail_id = lone_shop.order("zoë")
    lone_shop.call("edit", mail_id=mail_id, state="settled")
    said = command(lone_shop, "forget", "ZOË@example.com")["out"]
    assert said == "default: taken out of 1 settled mails\n"


def test_what_comes_too_late_is_held_and_what_the_ledger_has_is_not(busy_shop: Shop) -> None:
    """The store was away for longer than a code is of use; or the process was killed before it could mark the row."""
    busy_shop.killed("order", "committed", number="too late", mail_class="otp")
    busy_shop.killed("order", "handed over", number="in time")
    busy_shop.call("time_goes_by", field="expires_at")
    busy_shop.sent_once("in time")
    (row,) = busy_shop.mails_of("too late").values()
    assert (row["state"], row["payload"]) == ("held", True)
    assert "before a ledger had it" in row["why"]


@pytest.mark.parametrize("ends", ["expired", "forgotten"])
def test_what_the_ledger_does_not_know_after_a_long_time_is_held(busy_shop: Shop, ends: str) -> None:
    """It may have gone, or be of no use any more: nobody is sent yesterday's code because of a failover."""
    mail_id = busy_shop.order(ends)
    busy_shop.made.settle([mail_id], "sent")
    with redis.Redis.from_url(busy_shop.made.valkey.url) as client:
        client.flushall()
    busy_shop.call("time_goes_by", field="expires_at" if ends == "expired" else "known_at")
    busy_shop.sweep()
    row = busy_shop.rows()[mail_id]
    assert row["state"] == "held"
    assert ("of use is over" if ends == "expired" else "longer than the ledger remembers") in row["why"]
    assert busy_shop.copies()[mail_id] == 1
