"""Real workers of each of Celery's pool types: what they drain, how many sessions they have, how they end."""

from __future__ import annotations

import json
import signal
from collections import Counter
from pathlib import Path

import pytest
from workers import FINAL_REPLY, Plant, plant, wait_until

import notifier
from notifier import send_bulk
from notifier.errors import Phase
from notifier.testing import Script

SESSIONS = 3  # pool=


def enqueue(count: int) -> list[str]:
    recipients = [{"to": f"n{number}@example.com", "context": {"name": str(number)}} for number in range(count)]
    return [row.result.id for row in send_bulk(template="welcome", recipients=recipients) if row.result]


def accepted(journal: Path) -> Counter[str]:
    lines = journal.read_text().splitlines()
    return Counter(json.loads(line)["message_id"].strip("<>").partition("@")[0] for line in lines)


def end(made: Plant) -> None:
    """A warm shutdown."""
    for worker in made.workers:
        worker.signal(signal.SIGTERM)
        wait_until(lambda worker=worker: not worker.running, "the worker ends by itself")
    wait_until(lambda: made.server.visits.now == 0, "every connection is closed")


@pytest.mark.parametrize(
    ("pool", "slots", "processes"),
    [("prefork", 4, 4), ("threads", 12, 1), ("gevent", 30, 1)],
    ids=str,
)
def test_a_worker_drains_its_queue_within_its_sessions(tmp_path: Path, pool: str, slots: int, processes: int) -> None:
    journal = tmp_path / "accepted.jsonl"
    slow = Script().delay(Phase.FINAL_REPLY, 0.005)
    with plant(tmp_path, slow, journal=journal) as made:
        made.use(NOTIFIER_SMTP_URL=f"{made.server.url}&{FINAL_REPLY}&pool={SESSIONS}", NOTIFIER_BATCH="5")
        ids = enqueue(500)
        made.start_worker("-P", pool, slots=slots)
        made.settle(ids, "sent")
        end(made)
        assert accepted(journal) == Counter(ids), "nothing lost, nothing doubled"
        assert {notifier.status(one).attempt for one in ids} == {1}
        visits = made.server.visits
        print(pool, visits.most, len(visits), Counter(v.said_quit for v in visits))
        assert 1 < visits.most <= SESSIONS * processes
        assert all(visit.said_quit for visit in visits), "the worker took its leave of the relay"
        assert "Traceback" not in made.logs()
