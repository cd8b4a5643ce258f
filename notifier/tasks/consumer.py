"""Celery's consumer without what we never use, waits that RabbitMQ keeps, and with a pause where RabbitMQ refuses it.

Where a queue is a quorum queue, Celery (5.5 and later) declares 28 more for messages with an ETA, each replicated, and
warns of each of ours at every start that it cannot serve them. Our waits are due times in the store.
"""

from __future__ import annotations

import logging
import time
from typing import Any

from amqp.exceptions import AccessRefused, NotAllowed
from celery.worker import state
from celery.worker.consumer import Consumer as CelerysConsumer

log = logging.getLogger(__name__)

# Login, virtual host or rights: only an operator changes that. Celery would try five times a second.
_REFUSALS = (AccessRefused, NotAllowed)
PAUSE = 5  # seconds
_REFUSED = "RabbitMQ refuses this worker (%s): it needs configure, write and read (rabbitmqctl set_permissions)"
_UNANSWERED = (
    "RabbitMQ answered nothing in time (%s). If all of its nodes are up, a queue of this worker may have no leader: "
    'docs/how-to/rabbitmq.md, "A queue without a leader"'
)
_UNUSED = "DelayedDelivery"
_Blueprint: Any = CelerysConsumer.Blueprint


class Consumer(CelerysConsumer):
    """The worker's, by the setting ``worker_consumer``."""

    class Blueprint(_Blueprint):  # type: ignore[misc]  # the stubs do not have it
        """Its steps."""

        default_steps = [step for step in _Blueprint.default_steps if not str(step).endswith(_UNUSED)]  # noqa: RUF012 - Celery's own is a list

    def on_connection_error_before_connected(self, exc: Exception) -> None:
        """The login or the virtual host is refused, or nobody is there."""
        super().on_connection_error_before_connected(exc)
        _pause_where_refused(exc)

    def on_connection_error_after_connected(self, exc: Exception) -> None:
        """A right is missing, a question stays unanswered, or the connection broke."""
        if isinstance(exc, _REFUSALS):
            log.error(_REFUSED, exc)
        elif _is_silence(exc):
            log.error(_UNANSWERED, exc)
        super().on_connection_error_after_connected(exc)
        _pause_where_refused(exc)


def _is_silence(exc: Exception) -> bool:
    """py-amqp has waited for a reply in vain. What the system calls so has a number: the connection is lost then."""
    return type(exc) is TimeoutError and exc.errno is None


def _pause_where_refused(exc: Exception) -> None:
    if isinstance(exc, _REFUSALS):
        for _ in range(PAUSE):
            state.maybe_shutdown()
            time.sleep(1.0)
