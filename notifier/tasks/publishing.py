"""`publish`: a message of ours that may get lost, for it is sent again: soon, once, and without a long farewell."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from notifier.tasks.app import BROKER_TIMEOUT, app
from notifier.tasks.broker_errors import BROKER_ERRORS
from notifier.tasks.rabbitmq import DRIVER, publishing


def publish(task: Any, **options: Any) -> None:
    """``apply_async`` of one of our tasks, with its ``options``. Raises one of `BROKER_ERRORS`."""
    with app.producer_or_acquire() as producer, _no_farewell(producer):
        way = publishing(producer.connection.transport.driver_type, BROKER_TIMEOUT)
        task.apply_async(**options, retry=False, producer=producer, **way)


@contextmanager
def _no_farewell(producer: Any) -> Iterator[None]:
    """AMQP asks the other side before a channel is closed, and before a connection: whoever is silent is silent then too."""
    try:
        yield
    except BROKER_ERRORS:
        if producer.connection.transport.driver_type == DRIVER:
            producer.connection.collect()
        raise
