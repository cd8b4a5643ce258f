"""Celery's consumer without what we never use: waits that RabbitMQ keeps.

Where a queue is a quorum queue, Celery (5.5 and later) declares 28 more for messages with an ETA, each replicated, and
warns of each of ours at every start that it cannot serve them. Our waits are due times in the store.
"""

from __future__ import annotations

from typing import Any

from celery.worker.consumer import Consumer as CelerysConsumer

_UNUSED = "DelayedDelivery"
_Blueprint: Any = CelerysConsumer.Blueprint


class Consumer(CelerysConsumer):
    """The worker's, by the setting ``worker_consumer``."""

    class Blueprint(_Blueprint):  # type: ignore[misc]  # the stubs do not have it
        """Its steps."""

        default_steps = [step for step in _Blueprint.default_steps if not str(step).endswith(_UNUSED)]  # noqa: RUF012 - Celery's own is a list
