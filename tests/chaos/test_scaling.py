"""Worker replicas that come and go while mail is under way: nothing lost, nothing twice, and the relay's caps are kept."""

from __future__ import annotations

import json
import signal
import threading
from collections import Counter
from functools import partial
from pathlib import Path

from real_servers.brokers import Broker
from workers import PATIENCE, Plant, plant, wait_until

import notifier
from notifier import send_bulk
from notifier.model.mail_class import SHIPPED_CLASSES, Delivery
from notifier.model.state import MailState
from notifier.testing.supervised import SupervisedProcess

STEPS_UP = (1, 1, 2, 4)  # replicas that are started: then there are 1, 2, 4, 8
CONNECTIONS, RATE, BATCH = 3, 25, 5
BACKLOG = 60  # mails that always wait, whatever the replicas do


class Load:
    """An application that goes on enqueueing until it is told to end; ``ids``: its mails."""

    def __init__(self, made: Plant) -> None:
        self.ids: list[str] = []
        self._made = made
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._run, name="load")

    def __enter__(self) -> Load:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()

    def more_arrives(self) -> None:
        """Mail flows with as many replicas as there are now."""
        arrived = len(self._made.server.mailbox)
        assert self._made.server.mailbox.wait_for(arrived + BATCH, timeout=PATIENCE), self._made.logs()

    def _run(self) -> None:
        while not self._over.wait(0.05):
            if len(self.ids) - len(self._made.server.mailbox) < BACKLOG:
                self.ids += enqueue(len(self.ids), BACKLOG)


def enqueue(first: int, count: int) -> list[str]:
    recipients = [
        {"to": f"u{number}@example.com", "context": {"name": "Zoe"}, "idempotency_key": f"scaling-{number}"}
        for number in range(first, first + count)
    ]
    return [row.result.id for row in send_bulk(template="welcome", recipients=recipients) if row.result]


def scale_up(made: Plant, load: Load) -> list[SupervisedProcess]:
    running: list[SupervisedProcess] = []
    for more in STEPS_UP:
        running += [made.launch_worker(slots=1) for _ in range(more)]
        wait_until(partial(all_registered, made, running), f"{len(running)} replicas are up")
        load.more_arrives()
    return running


def all_registered(made: Plant, running: list[SupervisedProcess]) -> bool:
    return all(made.registered(one) for one in running)


def leave(leaving: list[SupervisedProcess]) -> None:
    for one in leaving:
        one.signal(signal.SIGTERM)
    wait_until(lambda: not any(one.running for one in leaving), "they end by themselves")


def scale_down(made: Plant, load: Load, running: list[SupervisedProcess]) -> None:
    """One is killed, four and two are told to end; one is left."""
    made.lose(running.pop())
    for leaving in (4, 2):
        load.more_arrives()
        leave(running[-leaving:])
        del running[-leaving:]
    load.more_arrives()


def check_the_mails(ids: list[str], copies: Counter[str]) -> None:
    found = [notifier.status(one) for one in ids]
    assert Counter(one.state for one in found) == {MailState.SENT: len(ids)}
    assert set(copies) == set(ids), "lost, or sent by nobody"
    assert SHIPPED_CLASSES["transactional"].delivery is Delivery.AT_LEAST_ONCE
    assert all(copies[one.mail_id] <= 1 + one.unknowns for one in found), "twice outside the window"
    assert sum(one.unknowns for one in found) <= 1, "one slot was killed, with one mail in flight"


def check_the_rate(times: list[float]) -> None:
    """Over any window: a full bucket, what flows into it meanwhile, and what eight replicas had a token for before."""
    before = RATE + 8 * BATCH
    times.sort()
    for begin, first in enumerate(times):
        for end in range(begin, len(times)):
            assert end - begin + 1 <= before + RATE * (times[end] - first) + 1, (begin, end)


def test_replicas_are_scaled_from_one_to_eight_and_back_under_load(tmp_path: Path, broker: Broker) -> None:
    journal = tmp_path / "accepted.jsonl"
    with plant(tmp_path, journal=journal, **broker.settings()) as made:
        caps = f"connections={CONNECTIONS}&rate={RATE}"
        made.use(NOTIFIER_SMTP_URL=f"{made.server.url}&{caps}", NOTIFIER_BATCH=str(BATCH))
        with Load(made) as load:
            running = scale_up(made, load)
            assert len(running) == 8
            scale_down(made, load, running)
        made.settle(load.ids, "sent")
        assert [one.running for one in running] == [True]
        lines = [json.loads(line) for line in journal.read_text().splitlines()]
        check_the_mails(load.ids, Counter(line["message_id"].strip("<>").partition("@")[0] for line in lines))
        check_the_rate([line["at"] for line in lines])
        assert made.server.most_at_once == CONNECTIONS, "as many as may be, and not one more"
