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
# Python's own error, which only py-amqp lets out. A node that was killed as it made a queue brings it back without a
# leader, and answers nothing that is asked about it (rabbitmq-server 15725).
_UNANSWERED = (
    "RabbitMQ left a question of this worker unanswered (%s). If it is up, look for a queue without a leader "
    "(rabbitmq-queues quorum_status mail shows followers only) and delete it (rabbitmqctl delete_queue mail): the worker "
    "makes it anew"
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
        elif type(exc) is TimeoutError:
            log.error(_UNANSWERED, exc)
        super().on_connection_error_after_connected(exc)
        _pause_where_refused(exc)


def _pause_where_refused(exc: Exception) -> None:
    if isinstance(exc, _REFUSALS):
        for _ in range(PAUSE):
            state.maybe_shutdown()
            time.sleep(1.0)
