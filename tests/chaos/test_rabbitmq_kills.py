"""kill -9 of workers and of the broker under load, RabbitMQ's quorum queues between them: the checker finds nothing lost."""

from __future__ import annotations

from pathlib import Path

from nemesis.checker import copies_in, judge
from real_servers.brokers import QUEUES
from real_servers.rabbitmq import RabbitMQ
from workers import plant, wait_until

import notifier
from notifier import send_bulk, send_email
from notifier.errors import BrokerUnavailable
from notifier.model.state import MailState

RESTED = (MailState.SENT, MailState.PARKED, MailState.FAILED)


def enqueue(start: int, count: int = 40) -> list[str]:
    """The ids that the application got; a call that was refused is none."""
    stored = []
    for n in range(start, start + count):
        try:
            stored.append(
                send_email.delay(template="welcome", to=f"u{n}@example.com", context={"name": str(n)}).id,
            )
        except BrokerUnavailable:
            continue
    return stored


def test_kill_9_of_workers_and_of_the_broker_under_load(tmp_path: Path, rabbitmq: RabbitMQ) -> None:
    rabbitmq.forget(*QUEUES)
    journal = tmp_path / "accepted.jsonl"
    with plant(tmp_path, journal=journal, NOTIFIER_BROKER_URL=rabbitmq.url) as made:
        first, second = made.launch_worker(), made.launch_worker()
        wait_until(lambda: made.registered(first) and made.registered(second), "the workers are up")
        stored = enqueue(0, 1)
        made.settle(stored, MailState.SENT)  # so the queues are there
        rabbitmq.write_down_its_queues()
        stored += enqueue(1, 39)
        made.server.mailbox.wait_for(20, timeout=60)
        made.lose(first)  # with what it had in hand
        stored += enqueue(40)
        rabbitmq.kill()
        stored += enqueue(80)
        made.lose(second)  # with no broker to hand its messages to somebody else
        made.launch_worker()  # it finds no broker, and waits for one
        rabbitmq.start()
        stored += enqueue(120)
        made.settle(stored, *RESTED)
        account = judge(stored, {mail_id: notifier.status(mail_id) for mail_id in stored}, copies_in(journal))
        assert (account.lost, account.doubled) == (0, 0), account.why
        assert account.unknown <= 4, "at most one mail a slot that was killed"


def test_a_queue_that_a_killed_node_brings_back_without_a_leader_is_told_and_mended(
    tmp_path: Path, rabbitmq: RabbitMQ
) -> None:
    with plant(tmp_path, NOTIFIER_BROKER_URL=rabbitmq.url) as made:
        made.start_worker()
        made.settle(enqueue(0, 1), MailState.SENT)  # so the queues are there
        rabbitmq.forget_its_part_in("mail.bulk")
        rabbitmq.kill()
        rabbitmq.start()
        wait_until(
            lambda: "a queue of this worker may have no leader" in made.logs(), "the worker says what it waits for"
        )
        # The worker may have waited for any of its queues, and this one comes back by itself.
        wait_until(lambda: rabbitmq.has_a_leader("mail"), "the other queue has a leader again")
        assert not rabbitmq.has_a_leader("mail.bulk")
        (row,) = send_bulk(template="welcome", recipients=[{"to": "u1@example.com", "context": {"name": "1"}}])
        assert row.result is not None
        assert notifier.status(row.result.id).state == MailState.WAITING
        rabbitmq.control("delete_queue", "mail.bulk")
        made.settle([row.result.id], MailState.SENT)
