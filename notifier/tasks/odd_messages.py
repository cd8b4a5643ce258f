"""Whoever can publish can put anything into the broker: what is no message of a task is refused, and ends no worker."""

from __future__ import annotations

import logging
from collections.abc import Callable
from functools import wraps
from queue import Empty
from typing import Any

from celery import Celery, Task
from celery.exceptions import InvalidTaskError
from celery.worker.strategy import default
from kombu.transport import redis

log = logging.getLogger(__name__)

# What unpacking something of another shape raises.
_MISSHAPEN = (ValueError, TypeError, KeyError, AttributeError, IndexError, RecursionError)


def guard_worker() -> None:
    """Celery's worker ends for a task's message whose body has another shape, gives it back, and so ends the next one."""
    Task.Strategy = f"{__name__}:strategy"
    redis.Transport.Channel = CarefulChannel


def strategy(task: Task, app: Celery, consumer: Any, **options: Any) -> Callable[..., Any]:  # type: ignore[type-arg]
    """Celery's own, which hands messages of ``task`` to the pool; misshapen ones are logged, acknowledged and gone."""
    handle = default(task, app, consumer, **options)

    @wraps(handle)
    def handled(*args: Any, **more: Any) -> Any:
        try:
            return handle(*args, **more)
        except _MISSHAPEN as error:
            raise InvalidTaskError(f"the message of {task.name} cannot be read: {type(error).__name__}") from error

    return handled


class CarefulChannel(redis.Channel):
    """Kombu's own, which does not end where an entry of the queue is no message at all."""

    def _brpop_read(self, **options: Any) -> Any:
        try:
            return super()._brpop_read(**options)  # type: ignore[misc]  # theirs has no types
        except _MISSHAPEN as error:
            log.error("an entry of the broker's queue was no message and is dropped: %s", type(error).__name__)  # noqa: TRY400
            raise Empty from error
