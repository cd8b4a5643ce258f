"""A bell that a worker has read lies in its main process's memory until a slot takes it, and is written down nowhere else.

kombu (5.7) writes each message that it has read from Redis into ``unacked``, and deletes it there when it is acknowledged. These are
two writes for a bell: the first stands between it and its mail, the second meets the mail's claim at the server, and each
waits for the disk where the broker's server has the ledger as well. What they are good for is that the message
comes again after the visibility timeout if the worker is killed; for a bell the sweeper sees to that long before.

Whoever ends in peace puts back what no slot has begun, as Celery does with all messages (ADR 50).
"""

from __future__ import annotations

from typing import Any

from kombu.transport import redis as transport
from kombu.transport import virtual

from notifier.tasks.bells import bell

_QoS: Any = transport.QoS  # it has no types


class BellsInMemory(_QoS):  # type: ignore[misc]  # for the same reason
    """Kombu's count of unacknowledged messages, by which a worker reads no more than its slots can take."""

    def append(self, message: Any, delivery_tag: str) -> None:
        """It was read."""
        if _is_bell(message):
            virtual.QoS.append(self, message, delivery_tag)
        else:
            super().append(message, delivery_tag)

    def ack(self, delivery_tag: str) -> None:
        """A slot has it, or nobody wants it."""
        if self._bell(delivery_tag) is not None:
            virtual.QoS.ack(self, delivery_tag)
        else:
            super().ack(delivery_tag)

    def restore_by_tag(self, tag: str, client: Any = None, leftmost: bool = False) -> None:
        """Back into its queue."""
        if (message := self._bell(tag)) is None:
            super().restore_by_tag(tag, client, leftmost)
            return
        info = message.delivery_info
        with self.channel.conn_or_acquire(client) as connected:
            self.channel._do_restore_message(
                message._raw, info["exchange"], info["routing_key"], connected, leftmost=leftmost
            )

    def _bell(self, tag: str) -> Any:
        message = self._delivered.get(tag)
        return message if message is not None and _is_bell(message) else None


def _is_bell(message: Any) -> bool:
    return bool(message.headers.get("task") == bell.name)


def keep_read_bells_in_memory() -> None:
    """For each channel that this process opens from now on."""
    transport.Channel.QoS = BellsInMemory
