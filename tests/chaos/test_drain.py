"""Workers that are told to end while they wait for a final reply, once and again."""

from __future__ import annotations

import json
import signal
import threading
from pathlib import Path

import pytest
from real_servers.brokers import Broker
from workers import TOP, plant, wait_until

import notifier
from notifier import send_email
from notifier.errors import Phase
from notifier.model.state import MailState
from notifier.testing import Script

CALL = {"template": "welcome", "to": "zoe@example.com", "context": {"name": "Zoë"}}


def copies(journal: Path, mail_id: str) -> int:
    return sum(mail_id in json.loads(line)["message_id"] for line in journal.read_text().splitlines())


def test_a_worker_that_is_told_to_end_while_it_waits_for_the_final_reply_stores_it_first(
    tmp_path: Path, broker: Broker
) -> None:
    journal = tmp_path / "accepted.jsonl"
    released = threading.Event()
    with plant(tmp_path, Script().hold(Phase.FINAL_REPLY, released), journal, **broker.settings()) as made:
        worker = made.start_worker(slots=1)
        mail_id = send_email.delay(**CALL).id
        wait_until(lambda: made.taken(mail_id), "the reply is awaited")
        worker.signal(signal.SIGTERM)
        wait_until(lambda: "shutdown" in made.logs().lower(), "it drains")
        released.set()
        wait_until(lambda: not worker.running, "it ends by itself")
        found = notifier.status(mail_id)
        assert (found.state, found.unknowns, copies(journal, mail_id)) == (MailState.SENT, 0, 1)


@pytest.mark.parametrize(
    ("first", "second"),
    [(signal.SIGINT, signal.SIGINT), (signal.SIGTERM, signal.SIGQUIT)],
    ids=["Ctrl-C twice", "TERM QUIT"],
)
def test_a_second_signal_in_the_drain_loses_and_doubles_nothing(
    tmp_path: Path, broker: Broker, first: int, second: int
) -> None:
    """At worst one mail for each slot is unknown, as after a kill; those that waited are sent by the next worker."""
    journal = tmp_path / "accepted.jsonl"
    never = threading.Event()
    with plant(tmp_path, Script().hold(Phase.FINAL_REPLY, never, times=1), journal, **broker.settings()) as made:
        made.environ["PYTHONPATH"] = f"{TOP}:{TOP / 'tests'}"
        worker = made.start_worker(slots=1, app="programs.short_drain")
        ids = [send_email.delay(**CALL, mail_class="bulk", idempotency_key=f"{n}").id for n in range(5)]
        wait_until(lambda: any(map(made.taken, ids)), "a reply is awaited")
        worker.signal(first)
        wait_until(lambda: "shutdown" in made.logs().lower(), "it drains")
        worker.signal(second)
        wait_until(lambda: not worker.running, "it ends by itself")
        made.lapse()
        made.start_worker(slots=1)
        made.settle(ids, "sent", "parked")
        found = [notifier.status(one) for one in ids]
        assert sum(one.unknowns for one in found) <= 1
        assert {copies(journal, one.mail_id) for one in found if one.state is MailState.SENT} == {1}
        assert all(copies(journal, one.mail_id) <= 1 for one in found)
