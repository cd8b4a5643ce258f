"""Limits that all workers keep together, with real workers and servers: who waits, who does not, and how a relay that
says "too much" is left in peace.
"""

from __future__ import annotations

import time
from collections import Counter
from pathlib import Path

import pytest
from workers import plant, wait_until

import notifier
from notifier import send_bulk
from notifier.errors import Phase
from notifier.model.state import MailState
from notifier.testing import CatchingServer, Script


def send(count: int, domain: str = "example.com", **more: object) -> list[str]:
    recipients = [{"to": f"n{number}@{domain}", "context": {"name": str(number)}} for number in range(count)]
    return [row.result.id for row in send_bulk(template="welcome", recipients=recipients, **more)]


def rows_of(mail_id: str) -> list[str]:
    """The taxonomy rows in a mail's history."""
    return [entry["fault"]["taxonomy_id"] for entry in notifier.status(mail_id).history if "fault" in entry]


def over_a_limit(ids: list[str]) -> list[str]:
    return [one for one in ids if "LIM" in rows_of(one)]


def check_that_all_were_sent_at_the_first_attempt(ids: list[str], server: CatchingServer) -> None:
    found = [notifier.status(one) for one in ids]
    assert Counter(one.state for one in found) == {MailState.SENT: len(ids)}
    assert {one.attempt for one in found} == {1}, "a limit costs no attempt"
    assert len({mail.message_id for mail in server.mailbox}) == len(server.mailbox) == len(ids)


@pytest.mark.parametrize(
    ("workers_count", "pool", "slots", "sessions"),
    [(5, "prefork", 4, 4), (20, "prefork", 1, 4), (20, "threads", 50, 50)],
    ids=["5 of 4 processes", "20 of one process", "20 of 50 threads"],
)
def test_twenty_workers_settle_on_the_ten_connections_that_a_relay_takes(
    tmp_path: Path, workers_count: int, pool: str, slots: int, sessions: int
) -> None:
    """Fault 83. Nobody has told them how many it takes: they learn it, and do not knock on and on."""
    with CatchingServer(starttls=False, max_connections=10) as relay, plant(tmp_path) as made:
        made.use(NOTIFIER_SMTP_URL=f"{relay.url}&pool={sessions}", NOTIFIER_BATCH="5")
        workers = [made.launch_worker("-P", pool, slots=slots) for _ in range(workers_count)]
        wait_until(lambda: all(map(made.registered, workers)), "each is up")
        ids = send(600)
        made.settle(ids, "sent")
        assert relay.most_at_once <= 10
        assert relay.turned_away <= 20, "each knocks once before it is known, and hardly anybody after that"
        check_that_all_were_sent_at_the_first_attempt(ids, relay)


def test_a_limit_of_connections_that_is_named_is_never_passed(tmp_path: Path) -> None:
    with CatchingServer(starttls=False, max_connections=3) as relay, plant(tmp_path) as made:
        made.use(NOTIFIER_SMTP_URL=f"{relay.url}&connections=3", NOTIFIER_BATCH="5")
        made.start_worker(slots=4)
        made.start_worker(slots=4)
        ids = send(200)
        made.settle(ids, "sent")
        assert relay.turned_away == 0
        check_that_all_were_sent_at_the_first_attempt(ids, relay)


@pytest.mark.parametrize("pool", ["prefork", "threads"])
def test_workers_without_a_connection_leave_the_mails_to_those_who_have_one(tmp_path: Path, pool: str) -> None:
    """They do not put off what others could send: nobody's mail waits for its second look."""
    with plant(tmp_path) as made:
        made.use(NOTIFIER_SMTP_URL=f"{made.server.url}&connections=1", NOTIFIER_BATCH="10")
        made.start_worker("-P", pool, slots=4)
        ids = send(150)
        made.settle(ids, "sent")
        assert made.server.visits.most == 1
        assert {row for one in ids for row in rows_of(one)} == set()
        check_that_all_were_sent_at_the_first_attempt(ids, made.server)


def test_what_is_over_a_relays_rate_waits_and_is_sent_at_its_first_attempt(tmp_path: Path) -> None:
    with plant(tmp_path) as made:
        made.use(NOTIFIER_SMTP_URL=f"{made.server.url}&rate=2")
        made.start_worker()
        ids = send(12)
        made.settle(ids, "sent")
        check_that_all_were_sent_at_the_first_attempt(ids, made.server)
        assert any("LIM" in rows_of(one) for one in ids), "the slowest machine is quicker than two a second"


def test_two_workers_keep_a_relays_rate_together(tmp_path: Path) -> None:
    """They would need half the time if each had a bucket of its own."""
    rate = burst = 4
    with plant(tmp_path) as made:
        made.use(NOTIFIER_SMTP_URL=f"{made.server.url}&rate={rate}")
        for _ in range(2):
            made.start_worker(slots=2)
        began = time.time()
        ids = send(28)
        made.settle(ids, "sent")
        check_that_all_were_sent_at_the_first_attempt(ids, made.server)
        last = max(mail.received_at for mail in made.server.mailbox)
        assert burst + rate * (last - began) >= len(ids), "no more than the bucket gives, however slow the machine"


def test_a_domains_rate_holds_up_its_own_mails_alone(tmp_path: Path) -> None:
    with plant(tmp_path) as made:
        made.use(NOTIFIER_DOMAIN_RATES="slow.example=5/h")
        made.start_worker()
        slow, others = send(20, "slow.example"), send(100, "quick.example")
        made.settle(others, "sent")
        wait_until(lambda: len(over_a_limit(slow)) == 19, "each but the first knows what it waits for")
        assert {notifier.status(one).attempt for one in over_a_limit(slow)} == {0}


def test_a_tenants_rate_holds_up_its_own_mails_alone(tmp_path: Path) -> None:
    tenants = tmp_path / "tenants.toml"
    tenants.write_text('[tenants.small]\nrate = "5/h"\nsend = [{ as = "*" }]\n')
    with plant(tmp_path, NOTIFIER_TENANTS=str(tenants)) as made:
        made.start_worker()
        small, others = send(20, tenant="small"), send(100)
        made.settle(others, "sent")
        held = [one for one in small if notifier.status(one).state is not MailState.SENT]
        assert len(held) >= 19


def test_a_relay_that_says_mail_comes_too_fast_is_sent_less(tmp_path: Path) -> None:
    script = Script().at(Phase.RCPT, "450 4.7.28 Our system has detected an unusual rate", times=3)
    with plant(tmp_path, script, NOTIFIER_DOMAIN_RATES="flood.example=50") as made:
        made.start_worker(slots=1)
        ids = send(60, "flood.example")
        made.settle(ids, "sent")
        assert sum("N7" in rows_of(one) for one in ids) == 3
        assert "gets too much" in made.logs()
        from notifier.tasks.runtime import runtime

        (share,) = runtime().store._connection.ask(("HGET", "notifier:{limits}:slow:domain flood.example", "share"))
        assert float(share) < 1, "half of the rate is left, for all workers"
