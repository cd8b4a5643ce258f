"""The outbox of a Django project, on SQLite and on PostgreSQL, with a real worker, a real store and a catching server."""

from __future__ import annotations

import base64
import signal
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
import redis
from cryptography.fernet import Fernet
from real_servers.postgresql import PostgreSQL
from shops import Database, Shop, shop, sqlite
from workers import plant, wait_until

from notifier.testing.supervised import SupervisedProcess

numbers = iter(range(1000))


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def busy_shop(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shop]:
    """A project whose worker runs, for tests that look at mails of their own."""
    folder = tmp_path_factory.mktemp("busy")
    database = database_of(request, folder)
    with plant(folder, journal=folder / "accepted.jsonl") as made, shop(made, database) as opened:
        made.start_worker("-Q", "mail,mail.bulk", slots=1)
        yield opened


@pytest.fixture(params=["sqlite", "postgresql"])
def open_shop(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Shop]:
    """One that a test has for itself."""
    database = database_of(request, tmp_path)
    with plant(tmp_path, journal=tmp_path / "accepted.jsonl") as made, shop(made, database) as opened:
        yield opened


def database_of(request: pytest.FixtureRequest, folder: Path) -> Database:
    if request.param == "sqlite":
        return sqlite(folder)
    server: PostgreSQL = request.getfixturevalue("postgresql")
    return server.database(f"shop{next(numbers)}")


def mails_of(opened: Shop, number: str) -> dict[str, dict[str, Any]]:
    """The rows of one order."""
    return {mail_id: row for mail_id, row in opened.rows().items() if row["number"] == number}


def sent_once(opened: Shop, number: str, mails: int = 1) -> None:
    opened.settle()
    rows = mails_of(opened, number)
    assert [row["outcome"] for row in rows.values()] == ["sent"] * mails
    assert {mail_id: opened.copies()[mail_id] for mail_id in rows} == dict.fromkeys(rows, 1)


def test_what_is_committed_is_sent_once_and_what_is_rolled_back_never_was(busy_shop: Shop) -> None:
    busy_shop.call("order", number="rolled back", rolls_back=True)
    mail_id = busy_shop.order("committed")
    busy_shop.made.settle([mail_id], "sent")  # handed over by the request: nobody has swept
    sent_once(busy_shop, "rolled back", mails=0)
    sent_once(busy_shop, "committed")
    row = busy_shop.rows()[mail_id]
    assert (row["state"], row["payload"], row["hand_overs"]) == ("settled", False, 1)


@pytest.mark.parametrize("kill", ["written", "committed", "asked", "handed over", "marked"])
def test_a_request_killed_at_any_point_sends_once_what_it_has_committed(busy_shop: Shop, kill: str) -> None:
    busy_shop.killed("order", kill, number=f"request {kill}")
    sent_once(busy_shop, f"request {kill}", mails=int(kill != "written"))


@pytest.mark.parametrize(
    ("kill", "mail_class"),
    [
        *((kill, "transactional") for kill in ("taken", "asked", "handed over", "marked", "learned", "settled")),
        *((kill, "bulk") for kill in ("asked", "handed over", "marked")),
    ],
)
def test_43_a_sweeper_killed_at_any_point_doubles_nothing(busy_shop: Shop, kill: str, mail_class: str) -> None:
    """Mail that may go only once is no exception: the row says to which ledger it was handed over, before it is."""
    number = f"{mail_class} {kill}"
    busy_shop.killed("order", "committed", number=number, mail_class=mail_class)
    if kill in ("learned", "settled"):
        busy_shop.sweep()
        busy_shop.made.settle(list(mails_of(busy_shop, number)), "sent")
    busy_shop.call("forward")
    busy_shop.killed("sweep", kill)
    sent_once(busy_shop, number)


def test_attachments_wait_in_the_outbox_with_their_mail_and_go_when_it_has_ended(open_shop: Shop) -> None:
    open_shop.killed("order", "committed", number="1", attach="U2l4dGVlbg==", count=2)
    assert open_shop.call("rows")["blobs"] == 1
    open_shop.made.start_worker(slots=1)
    open_shop.settle()
    assert open_shop.call("rows")["blobs"] == 0
    for mail in open_shop.made.server.mailbox:
        (bill,) = mail.message.iter_attachments()
        assert bill.get_content() == "Sixteen"
    assert set(open_shop.copies().values()) == {1}


def test_one_idempotency_key_in_two_transactions_is_one_mail(open_shop: Shop) -> None:
    open_shop.made.start_worker(slots=1)
    first = open_shop.order("1", name="Zoë", key="welcome-zoe")
    second = open_shop.order("2", name="Zoë", key="welcome-zoe")
    open_shop.settle()
    assert [row["outcome"] for row in open_shop.rows().values()] == ["sent", "sent"]
    assert open_shop.copies() == {first: 1}
    assert open_shop.rows()[second]["ledger_id"] == first


def test_an_idempotency_key_with_another_content_is_held_and_the_others_go(open_shop: Shop) -> None:
    open_shop.made.start_worker(slots=1)
    first = open_shop.order("1", key="welcome-zoe")
    conflict = open_shop.order("2", name="Bob", key="welcome-zoe")
    third = open_shop.order("3")
    open_shop.settle()
    rows = open_shop.rows()
    assert (rows[conflict]["state"], rows[first]["outcome"], rows[third]["outcome"]) == ("held", "sent", "sent")
    assert "welcome-zoe" in rows[conflict]["why"]


def test_two_sweepers_at_once_share_the_rows(open_shop: Shop) -> None:
    """And where both have one, the ledger has it once."""
    ids = [open_shop.killed("order", "committed", number=str(number), count=20) for number in range(3)]
    assert ids == [None] * 3
    open_shop.call("forward")
    with ThreadPoolExecutor() as pool:
        others = [Shop(open_shop.made, open_shop.database) for _ in range(2)]
        swept = list(pool.map(lambda other: other.call("sweep"), others))
    for other in others:
        other.close()
    assert sum(one["handed_over"] for one in swept) == 60, "each row was one sweeper's"
    open_shop.made.start_worker()
    open_shop.settle()
    assert open_shop.copies() == dict.fromkeys(open_shop.rows(), 1)
    assert len(open_shop.rows()) == 60


@pytest.mark.parametrize("away", ["killed", "frozen"])
def test_a_store_that_is_away_keeps_no_request_from_committing(open_shop: Shop, away: str) -> None:
    valkey = open_shop.made.valkey
    valkey.kill() if away == "killed" else valkey.signal(signal.SIGSTOP)
    for number in range(3):
        open_shop.order(str(number))
    assert {row["state"] for row in open_shop.rows().values()} == {"open"}
    assert open_shop.sweep()["error"] in ("StoreUnavailable", "BrokerUnavailable")
    valkey.start() if away == "killed" else valkey.signal(signal.SIGCONT)
    open_shop.made.start_worker(slots=1)
    open_shop.settle()
    assert open_shop.copies() == dict.fromkeys(open_shop.rows(), 1)
    assert len(open_shop.rows()) == 3


def test_rows_that_were_settled_long_ago_are_deleted(busy_shop: Shop) -> None:
    busy_shop.order("long ago", attach="U2l4dGVlbg==")
    sent_once(busy_shop, "long ago")
    busy_shop.call("years_go_by")
    busy_shop.sweep()
    assert busy_shop.call("rows")["rows"] == {}
    assert busy_shop.call("rows")["blobs"] == 0


def test_a_worker_of_the_project_sweeps_by_itself(open_shop: Shop) -> None:
    """Nobody calls the sweeper here, and no beat runs."""
    open_shop.made.environ.update(open_shop.environ)
    open_shop.made.start_worker("-I", "notifier.integrations.django.sweeping_task", slots=2)
    open_shop.killed("order", "committed", number="1")
    open_shop.call("forward")
    wait_until(lambda: open_shop.row()["state"] == "settled", "the row is settled")
    assert open_shop.copies() == dict.fromkeys(open_shop.rows(), 1)
    assert "Traceback" not in open_shop.made.logs()


def command(opened: Shop, *arguments: str) -> subprocess.CompletedProcess[str]:
    words = [sys.executable, "-m", "django", "notifier_outbox", *arguments]
    return subprocess.run(words, env=opened.environ, capture_output=True, text=True, timeout=60, check=False)


def test_the_command_sweeps_once_or_says_why_it_cannot(open_shop: Shop) -> None:
    open_shop.killed("order", "committed", number="1")
    open_shop.call("forward")
    done = command(open_shop, "sweep")
    assert (done.returncode, done.stdout) == (0, "default: 1 handed over, 1 looked at, 0 purged\n")
    open_shop.made.valkey.kill()
    away = command(open_shop, "sweep", "--database", "default")
    assert (away.returncode, away.stdout) == (1, "")
    assert "was not reached" in away.stderr
    assert "--every is a number" in command(open_shop, "sweep", "--every", "-1").stderr


def test_the_command_goes_on_through_an_outage(open_shop: Shop) -> None:
    open_shop.made.start_worker(slots=1)
    open_shop.made.valkey.kill()
    words = [sys.executable, "-m", "django", "notifier_outbox", "sweep", "--every", "0.5"]
    said = open_shop.made.folder / "sweeper.log"
    with said.open("wb") as output:
        sweeper = SupervisedProcess(words, env=open_shop.environ, output=output)
    try:
        open_shop.order("1")
        wait_until(lambda: "was not reached" in said.read_text(), "it has met the outage")
        open_shop.made.valkey.start()
        open_shop.call("forward")
        wait_until(lambda: open_shop.row()["state"] == "settled", "the row is settled", look_every=0.2)
    finally:
        sweeper.kill()
    assert open_shop.copies() == dict.fromkeys(open_shop.rows(), 1)


def test_mails_join_the_transaction_of_the_database_that_is_named(tmp_path: Path) -> None:
    with (
        plant(tmp_path, journal=tmp_path / "accepted.jsonl") as made,
        shop(made, sqlite(tmp_path), other=sqlite(tmp_path, "other")) as opened,
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


def test_what_the_mails_say_is_encrypted_where_there_is_a_key(open_shop: Shop) -> None:
    """And a sweeper without the key leaves them as they are."""
    open_shop.close()
    open_shop.made.use(NOTIFIER_ENCRYPTION_KEYS=Fernet.generate_key().decode())
    open_shop.killed("order", "committed", number="1", name="Sixteen Saltines", attach="U2l4dGVlbiBTYWx0aW5lcw==")
    kept = open_shop.call("kept")
    assert [octets.startswith("gAAAAA") for octets in kept["octets"]] == [True, True]
    assert "Saltines" not in str(kept)
    keys = open_shop.made.environ.pop("NOTIFIER_ENCRYPTION_KEYS")
    open_shop.close()
    open_shop.sweep()
    assert "no key of NOTIFIER_ENCRYPTION_KEYS opens it here" in open_shop.row()["why"]
    open_shop.close()
    open_shop.made.environ["NOTIFIER_ENCRYPTION_KEYS"] = keys
    open_shop.made.start_worker(slots=1)
    open_shop.settle()
    (mail,) = open_shop.made.server.mailbox
    (bill,) = mail.message.iter_attachments()
    assert bill.get_content() == "Sixteen Saltines"


def test_an_attachment_that_looks_encrypted_is_what_it_is(busy_shop: Shop) -> None:
    looks = base64.b64encode(b"gAAAAA is how a token begins").decode()
    busy_shop.killed("order", "committed", number="looks", attach=looks)
    sent_once(busy_shop, "looks")


def test_a_person_who_is_forgotten_stands_in_no_row_that_is_settled(busy_shop: Shop) -> None:
    settled = busy_shop.order("zoe")
    sent_once(busy_shop, "zoe")
    busy_shop.killed("order", "committed", number="zoe zoe")
    said = command(busy_shop, "forget", "ZOE@example.com").stdout
    assert said == "default: taken out of 1 settled mails\n"
    assert busy_shop.rows()[settled]["number"] == ""
    assert "notifier_outbox forget ADDRESS" in command(busy_shop, "forget").stderr
    sent_once(busy_shop, "zoe zoe")


def test_what_comes_too_late_is_held_and_what_the_ledger_has_is_not(busy_shop: Shop) -> None:
    """The store was away for longer than a code is of use; or the process was killed before it could mark the row."""
    busy_shop.killed("order", "committed", number="too late", mail_class="otp")
    busy_shop.killed("order", "handed over", number="in time")
    busy_shop.call("time_goes_by", field="expires_at")
    sent_once(busy_shop, "in time")
    (row,) = mails_of(busy_shop, "too late").values()
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
