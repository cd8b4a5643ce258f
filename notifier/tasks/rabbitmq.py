"""What Celery has to be told where the broker is RabbitMQ: quorum queues, confirmed messages, and no wait without end."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from kombu import Exchange, Queue

SCHEMES = ("amqp", "amqps", "pyamqp")
DRIVER = "amqp"  # kombu's type of what speaks to it
QUORUM = {"x-queue-type": "quorum"}
# Never passed to a queue, for there is none of this name: that it was confirmed is all that is asked.
NOBODY = "notifier.nobody"

# Our own app's, in every process: RabbitMQ refuses a queue that is declared twice and differs.
QUEUES: dict[str, Any] = {
    "task_default_queue_type": "quorum",
    "task_create_missing_queue_type": "quorum",
}


@dataclass(frozen=True, slots=True)
class WaitAtMost:
    """py-amqp's ``on_open``: nothing that is asked of the node afterwards is waited for longer, in seconds.

    Its own ``read_timeout`` does not end a read (5.4): the system's answer to it counts as an interruption there.
    """

    seconds: float

    def __call__(self, connection: Any) -> None:
        connection.transport.sock.settimeout(self.seconds)


def is_rabbitmq(url: str) -> bool:
    """True where a broker's URL, the first of several, is spoken to by AMQP."""
    return url.partition(";")[0].strip().partition("://")[0] in SCHEMES


def confirmed(options: Mapping[str, Any], wait: float) -> dict[str, Any]:
    """Transport options under which a message counts as published when a majority of the nodes has it."""
    # A node that fell silent between two messages is found by the kernel's keepalive, which py-amqp switches on.
    return {**options, "confirm_publish": True, "on_open": WaitAtMost(wait)}


def unconfirmed(options: Mapping[str, Any]) -> dict[str, Any]:
    """The options of which `confirmed` has made others."""
    return {name: value for name, value in options.items() if name not in ("confirm_publish", "on_open")}


def publishing(driver: str, wait: float) -> dict[str, Any]:
    """Options of ``apply_async`` for a message that may get lost.

    The queue is the workers' to declare: a queue that is not there has nobody who would answer.
    """
    return {"declare": [], "confirm_timeout": wait} if driver == DRIVER else {}


def quorum_queues(queues: Iterable[Queue]) -> list[Queue]:
    """The same with the type in them, each with an exchange of its own: one in common would give each message to all."""
    return [_quorum(queue) for queue in queues]


def _quorum(queue: Queue) -> Queue:
    own = queue.exchange is not None and queue.exchange.name
    return Queue(
        queue.name,
        queue.exchange if own else Exchange(queue.name, type="direct"),
        routing_key=queue.routing_key or queue.name,
        queue_arguments={**QUORUM, **(queue.queue_arguments or {})},
    )


def take_two(connection: Any, wait: float) -> None:
    """Have the node confirm messages to nobody, as one that is short of memory or disk does not.

    Such a node takes the first that comes by a connection, and blocks it with that (rabbitmq.com, alarms). Raises one of
    `BROKER_ERRORS`.
    """
    channel = connection.default_channel
    for _ in range(2):
        message = channel.prepare_message(b"", content_encoding="binary")
        channel.basic_publish(message, exchange="", routing_key=NOBODY, timeout=wait, confirm_timeout=wait)
