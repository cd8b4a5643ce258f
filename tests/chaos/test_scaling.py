"""Worker replicas that come and go while mail is under way: nothing lost, nothing twice, and the relay's caps are kept."""

from __future__ import annotations

import json
import signal
from collections import Counter
from itertools import count
from pathlib import Path

from workers import FINAL_REPLY, Plant, plant, wait_until

import notifier
from notifier import send_bulk
from notifier.model.mail_class import SHIPPED_CLASSES, Delivery
from notifier.model.state import MailState
from notifier.testing.supervised import SupervisedProcess

STEPS_UP = (1, 1, 2, 4)  # replicas that are started: then there are 1, 2, 4, 8
CONNECTIONS, RATE, BATCH = 3, 25, 5
STAGE = 70  # mails that are enqueued before each step
numbers = count()


def enqueue() -> list[str]:
    recipients = [
        {"to": f"u{number}@example.com", "context": {"name": "Zoe"}, "idempotency_key": f"scaling-{number}"}
        for number in (next(numbers) for _ in range(STAGE))
    ]
    return [row.result.id for row in send_bulk(template="welcome", recipients=recipients) if row.result]


def more_arrives(made: Plant) -> None:
    """Mail flows with as many replicas as there are now."""
    arrived = len(made.server.mailbox)
    made.server.mailbox.wait_for(arrived + 5, timeout=60)


def scale_up(made: Plant, ids: list[str]) -> list[SupervisedProcess]:
    running: list[SupervisedProcess] = []
    for more in STEPS_UP:
        ids += enqueue()
        running += [made.launch_worker(slots=1) for _ in range(more)]
        wait_until(lambda: all(made.registered(one) for one in running), f"{len(running)} replicas are up")
        more_arrives(made)
    return running


def scale_down(made: Plant, ids: list[str], running: list[SupervisedProcess]) -> None:
    """One is killed, four and two are told to end; one is left."""
    ids += enqueue()
    more_arrives(made)
    running.pop().kill()
    for leaving in (4, 2):
        ids += enqueue()
        more_arrives(made)
        for one in running[-leaving:]:
            one.signal(signal.SIGTERM)
        wait_until(lambda: not any(one.running for one in running[-leaving:]), "they end by themselves")
        del running[-leaving:]


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


def test_replicas_are_scaled_from_one_to_eight_and_back_under_load(tmp_path: Path) -> None:
    journal = tmp_path / "accepted.jsonl"
    with plant(tmp_path, journal=journal) as made:
        caps = f"connections={CONNECTIONS}&rate={RATE}"
        made.use(NOTIFIER_SMTP_URL=f"{made.server.url}&{FINAL_REPLY}&{caps}", NOTIFIER_BATCH=str(BATCH))
        ids: list[str] = []
        running = scale_up(made, ids)
        assert len(running) == 8
        scale_down(made, ids, running)
        made.settle(ids, "sent")
        assert [one.running for one in running] == [True]
        lines = [json.loads(line) for line in journal.read_text().splitlines()]
        check_the_mails(ids, Counter(line["message_id"].strip("<>").partition("@")[0] for line in lines))
        check_the_rate([line["at"] for line in lines])
        assert made.server.most_at_once == CONNECTIONS, "as many as may be, and not one more"
