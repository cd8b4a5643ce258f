"""Real workers of each of Celery's pool types: what they drain, how many sessions they have, how they end."""

from __future__ import annotations

import json
import signal
from collections import Counter
from pathlib import Path

import psutil
import pytest
from workers import Plant, plant, wait_until

import notifier
from notifier import send_bulk
from notifier.errors import Phase
from notifier.testing import Script

RECYCLED = 2  # children at least


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
    ("pool", "slots", "processes", "sessions"),
    [("prefork", 4, 4, 3), ("threads", 12, 1, 3), ("gevent", 100, 1, 5)],
    ids=str,
)
def test_a_worker_drains_its_queue_within_its_sessions(
    tmp_path: Path, pool: str, slots: int, processes: int, sessions: int
) -> None:
    journal = tmp_path / "accepted.jsonl"
    slow = Script().delay(Phase.FINAL_REPLY, 0.005)
    with plant(tmp_path, slow, journal=journal) as made:
        made.use(NOTIFIER_SMTP_URL=f"{made.server.url}&pool={sessions}", NOTIFIER_BATCH="5")
        ids = enqueue(300)
        made.start_worker("-P", pool, slots=slots)
        made.settle(ids, "sent")
        end(made)
        assert accepted(journal) == Counter(ids), "nothing lost, nothing doubled"
        assert {notifier.status(one).attempt for one in ids} == {1}
        visits = made.server.visits
        assert 1 < visits.most <= sessions * processes
        assert all(visit.said_quit for visit in visits), "the worker took its leave of the relay"
        assert "Traceback" not in made.logs()


def connections(process: psutil.Process, port: int) -> set[int]:
    """To that port, by their own ports."""
    try:
        found = process.net_connections("tcp")
    except psutil.NoSuchProcess:
        return set()
    return {one.laddr.port for one in found if one.raddr and one.raddr.port == port}


@pytest.mark.parametrize("tasks", ["1", "3"])
def test_children_that_are_recycled_take_their_leave_and_leave_their_parents_sessions_alone(
    tmp_path: Path, tasks: str
) -> None:
    """The main process has a pool too, and a session parked or lent at every fork."""
    slots = 2
    with plant(tmp_path) as made:
        made.environ["PYTHONPATH"] = str(Path(__file__).parents[1])
        made.use(NOTIFIER_SMTP_URL=f"{made.server.url}&messages_per_connection=10000")
        started = made.start_worker("--max-tasks-per-child", tasks, slots=slots, app="programs.main_sends")
        main = psutil.Process(started.pid)
        wait_until(lambda: len(connections(main, made.server.port)) == 1, "the main process has its session")
        (its_port,) = connections(main, made.server.port)
        ids, open_files = [], 0
        while len(made.server.visits) < 1 + slots + RECYCLED:
            wave = enqueue(2)
            made.settle(wave, "sent")
            ids += wave
            for child in main.children():
                wait_until(
                    lambda child=child: its_port not in connections(child, made.server.port),
                    "it has closed what it was forked with: the parent's connection would outlive the parent's close",
                )
                assert len(connections(child, made.server.port)) <= 1
            wait_until(lambda: made.server.visits.now <= 1 + slots, "those who were recycled have left")
            # Pipes of a child that ends and of the one that follows it are open together for a moment.
            wait_until(lambda: len(main.children()) == slots, "others have taken their place")
            open_files = open_files or main.num_fds()
        assert connections(main, made.server.port) == {its_port}, "one session, from the first to the last"
        wait_until(lambda: main.num_fds() < open_files + RECYCLED, "nothing piles up")
        end(made)
        caught = made.server.mailbox.by_message_id()
        assert {len(mails) for mails in caught.values()} == {1}
        mains = [mail for mail in made.server.mailbox if mail.recipients == ("main@example.com",)]
        assert len(mains) > RECYCLED
        assert len({mail.connection for mail in mains}) == 1
        assert len(caught) == len(ids) + len(mains)
        assert all(visit.said_quit for visit in made.server.visits)
