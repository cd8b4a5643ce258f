"""`LostCredit`: a message whose acknowledgement was lost with the broker no longer keeps the worker from reading.

kombu (5.7) reads from Redis only while fewer messages are unacknowledged than the worker may have at once. Where the
broker dies under an acknowledgement, Celery says so in its log and lets the matter rest: the message counts as
unacknowledged from then on. Once that is so of as many messages as the worker may have, it does not even look at its
connection any more, never sees that it is broken, and waits for ever beside a broker that is back.
"""

from __future__ import annotations

import logging
from typing import Any

from celery.worker import state as worker_state
from kombu.transport import virtual

log = logging.getLogger(__name__)


class LostCredit:
    """One worker's. Not shared between threads: the sweeper looks."""

    def __init__(self) -> None:
        self._suspects: set[str] = set()  # tags that nobody will acknowledge, it seemed at the last look

    def look(self, worker: Any) -> int:
        """Give back what two looks in a row have found lost; returns how many messages that were.

        Their copies stay with the broker and come again, after the visibility timeout at the latest; the ledger answers them.
        """
        qos = _qos(worker)
        if qos is None:
            return 0
        before, self._suspects = self._suspects, _nobodys(qos)
        lost = before & self._suspects
        for tag in lost:
            virtual.QoS.ack(qos, tag)  # what was not reached with the broker is done in memory at least
        if lost:
            log.warning("acknowledgements that were lost with the broker: %d; the worker reads again", len(lost))
        return len(lost)


def _qos(worker: Any) -> virtual.QoS | None:
    """What counts the unacknowledged messages. None before the consumer is up, and where the broker counts (AMQP)."""
    consumer = getattr(getattr(worker, "consumer", None), "task_consumer", None)
    qos = getattr(getattr(consumer, "channel", None), "qos", None)
    return qos if isinstance(qos, virtual.QoS) else None


def _nobodys(qos: virtual.QoS) -> set[str]:
    """The unacknowledged tags, where they stop the worker and no request is left that would acknowledge one."""
    if qos.can_consume() or any(not one.acknowledged for one in worker_state.reserved_requests):
        return set()
    return set(qos._delivered or ()) - (qos._dirty or set())
