"""kill -9, SIGTERM and SIGSTOP of real workers in mid-run: nothing lost, nothing doubled outside the window."""

from __future__ import annotations

import json
import signal
import threading
from collections import Counter
from pathlib import Path

import pytest
import redis
from real_servers.brokers import Broker
from workers import HURRIED, UNHURRIED, Plant, plant, wait_until

import notifier
from notifier import send_bulk
from notifier.errors import Phase
from notifier.model.mail_class import SHIPPED_CLASSES, Delivery
from notifier.model.state import MailState
from notifier.testing import Script

RESTED = ("sent", "parked", "failed")
RESENDS = {"transactional": 1, "bulk": 0}  # after a final reply that nobody heard; after one more a person decides


def enqueue(count: int, mail_class: str = "transactional", start: int = 0) -> list[str]:
    rows = send_bulk(
        template="welcome",
        mail_class=mail_class,
        recipients=[
            {"to": f"u{n}@example.com", "context": {"name": str(n)}, "idempotency_key": f"run-{n}"}
            for n in range(start, start + count)
        ],
        options={"queue": "mail"},
    )
    return [row.result.id for row in rows if row.result]


def accepted(journal: Path, ids: list[str]) -> Counter[str]:
    """How often the server has accepted each mail, by the journal that it synced before each 250."""
    lines = [json.loads(line)["message_id"] for line in journal.read_text().splitlines()]
    counts = Counter(message_id.strip("<>").partition("@")[0] for message_id in lines)
    assert set(counts) <= set(ids), "mails that nobody sent"
    return counts


def check(ids: list[str], journal: Path) -> list[str]:
    """Compare requests, ledger and journal; returns the members of the window."""
    counts = accepted(journal, ids)
    window = []
    for mail_id in ids:
        found = notifier.status(mail_id)
        resends = found.unknowns if SHIPPED_CLASSES[found.mail_class].delivery is Delivery.AT_LEAST_ONCE else 0
        if found.unknowns:
            window.append(mail_id)
        if found.state is MailState.SENT:
            assert counts[mail_id] >= 1, f"lost: {found}"
        assert counts[mail_id] <= 1 + resends, f"doubled outside the window: {found}"
    return window


@pytest.mark.parametrize("mail_class", ["transactional", "bulk"])
def test_kill_9_of_the_whole_worker_in_mid_run(tmp_path: Path, broker: Broker, mail_class: str) -> None:
    journal = tmp_path / "accepted.jsonl"
    with plant(tmp_path, journal=journal, **broker.settings()) as made:
        ids: list[str] = []
        for kill in range(2):
            worker = made.start_worker()
            already = len(made.server.mailbox)
            ids += enqueue(120, mail_class, start=120 * kill)
            made.server.mailbox.wait_for(already + 20 + 40 * kill, timeout=30)
            made.lose(worker)  # the process group: main process and children
        made.start_worker()
        made.settle(ids, *RESTED)
        window = check(ids, journal)
        assert len(window) <= 2 * 2, "at most one mail a slot and kill"
        for_a_person = {mail_id for mail_id in window if notifier.status(mail_id).unknowns > RESENDS[mail_class]}
        found = {mail_id: notifier.status(mail_id).state for mail_id in ids}
        assert found == {mail_id: MailState.PARKED if mail_id in for_a_person else MailState.SENT for mail_id in ids}, (
            "both kills may have met one mail at its dot"
        )


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT], ids=["SIGTERM", "Ctrl-C"])
def test_a_worker_that_is_told_to_end_loses_and_doubles_nothing(tmp_path: Path, broker: Broker, number: int) -> None:
    journal = tmp_path / "accepted.jsonl"
    with plant(tmp_path, journal=journal, **broker.settings()) as made:
        worker = made.start_worker()
        ids = enqueue(120)
        made.server.mailbox.wait_for(30, timeout=30)
        worker.signal(number)
        wait_until(lambda: not worker.running, "the worker ends by itself")
        made.start_worker()
        made.settle(ids, *RESTED)
        assert check(ids, journal) == [], "an orderly end leaves nothing unknown"
        assert sum(accepted(journal, ids).values()) == 120


def test_a_worker_killed_while_it_waits_for_the_final_reply_leaves_one_unknown(tmp_path: Path, broker: Broker) -> None:
    """The relay has the mail, and nobody was there to hear it: the window that cannot be closed (RFC 1047)."""
    journal = tmp_path / "accepted.jsonl"
    script = Script().hold(Phase.FINAL_REPLY, threading.Event(), times=1)
    with plant(tmp_path, script, journal=journal, **broker.settings()) as made:
        worker = made.start_worker(slots=1)
        (mail_id,) = enqueue(1)
        wait_until(lambda: made.taken(mail_id), "the reply is awaited")
        made.lose(worker)
        made.start_worker(slots=1)
        made.settle([mail_id], *RESTED)
        found = notifier.status(mail_id)
        assert (found.state, found.unknowns) == (MailState.SENT, 1)
        assert [entry["state"] for entry in found.history][:2] == ["unknown", "waiting"]
        assert accepted(journal, [mail_id])[mail_id] in (1, 2)


def test_a_frozen_worker_that_wakes_up_late_meets_the_fence(tmp_path: Path, broker: Broker) -> None:
    """SIGSTOP past the lease, another takes over, SIGCONT: the zombie must not write its dot."""
    journal, greets = tmp_path / "accepted.jsonl", threading.Event()
    script = Script().hold(Phase.GREETING, greets, times=1)  # it is frozen between its claim and its dot
    with plant(tmp_path, script, journal=journal, **HURRIED, **broker.settings()) as made:
        zombie = made.start_worker(slots=1)
        (mail_id,) = enqueue(1)
        wait_until(lambda: bool(made.server.visits), "it has claimed the mail, and waits for the greeting")
        zombie.signal_group(signal.SIGSTOP)
        made.use(**UNHURRIED)
        made.start_worker(slots=1)
        made.settle([mail_id], "sent")
        zombie.signal_group(signal.SIGCONT)
        greets.set()
        wait_until(lambda: "claim lost before the dot" in made.logs(), "the fence rejected the zombie")
        assert accepted(journal, [mail_id]) == Counter({mail_id: 1})


def test_a_mail_that_crashes_its_worker_three_times_is_quarantined_and_others_flow(
    tmp_path: Path, broker: Broker
) -> None:
    script = Script().hold(Phase.GREETING, threading.Event(), times=3)  # each worker is killed in it
    with plant(tmp_path, script, **broker.settings()) as made:
        (poison,) = enqueue(1)
        for crash in range(3):
            worker = made.start_worker(slots=1)
            wait_until(
                lambda crash=crash: len(made.server.visits) > crash,
                "claimed once more, and waiting for the greeting",
            )
            made.lose(worker)
        made.start_worker(slots=1)
        healthy = enqueue(5, start=1)
        made.settle([poison], "quarantined")
        made.settle(healthy, "sent")
        assert notifier.status(poison).crashes == 3


def test_a_relay_that_is_slower_than_the_lease_is_no_crash(tmp_path: Path, broker: Broker) -> None:
    journal, greets = tmp_path / "accepted.jsonl", threading.Event()
    script = Script().hold(Phase.GREETING, greets, times=1)
    # A third of it is when a lease is renewed: who stands still for the other two thirds has crashed, as far as anybody knows.
    with plant(tmp_path, script, journal=journal, NOTIFIER_LEASE="12", **broker.settings()) as made:
        made.start_worker(slots=2)
        ids = enqueue(3)
        wait_until(lambda: bool(made.server.visits), "it has claimed some, and waits for the greeting")
        over = first_leases_end(made)
        wait_until(lambda: last_swept(made) > over, "who had no lease any more would have been taken over")
        greets.set()
        made.settle(ids, "sent")
        assert {notifier.status(mail_id).crashes for mail_id in ids} == {0}
        assert set(accepted(journal, ids).values()) == {1}


def first_leases_end(made: Plant) -> float:
    """Of what is claimed now, by the ledger's clock (ms)."""
    with redis.Redis.from_url(made.valkey.url) as client:
        return max(over for _, over in client.zrange("notifier:{mail}:lease", 0, -1, withscores=True))


def last_swept(made: Plant) -> float:
    """By the same clock."""
    with redis.Redis.from_url(made.valkey.url) as client:
        return float(client.get("notifier:{mail}:swept") or 0)


def test_a_store_that_is_killed_and_comes_back_has_lost_nothing(tmp_path: Path, broker: Broker) -> None:
    """Nor waits for a takeover: what its worker knows it tells. A claim whose answer was cut off ends with its lease, in a minute."""
    journal = tmp_path / "accepted.jsonl"
    with plant(tmp_path, journal=journal, **broker.settings()) as made:
        made.start_worker()
        ids = enqueue(200)
        made.server.mailbox.wait_for(50, timeout=30)
        made.valkey.kill()
        made.valkey.start()
        made.settle(ids, *RESTED)
        check(ids, journal)
        assert all(notifier.status(mail_id).state is MailState.SENT for mail_id in ids)
