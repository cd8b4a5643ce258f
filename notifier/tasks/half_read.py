"""A result that the main process has read half of is read to its end, though the broker's connection broke meanwhile.

Celery (5.7) reads what a child sends in steps, each time the event loop finds the pipe readable. Where the broker is lost
between two steps, the loop is emptied and the half that was read with it, and the rest is then taken for the beginning of a
result: its first octets name a length that never comes. The child counts as busy from then on, and with the last child
so is the worker. A task that failed because the broker died, with a traceback of more than a pipe holds, is all it takes.
"""

from __future__ import annotations

from collections.abc import Callable
from types import GeneratorType
from typing import Any, TypeAlias

from celery.concurrency import asynpool

Reading: TypeAlias = "GeneratorType[None, None, None]"

_Handler: Any = asynpool.ResultHandler  # theirs has wrong types


class PatientResultHandler(_Handler):  # type: ignore[misc]  # for the same reason
    """Celery's own, which goes on with a result where it stopped. The main process's."""

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self._readings: dict[int, tuple[Any, Reading]] = {}  # by descriptor: the last result begun, and its child

    def _recv_message(self, add_reader: Callable[..., None], fd: int, callback: Callable[[Any], None]) -> Reading:
        if (half_read := self._half_read(fd)) is not None:
            return half_read
        reading: Reading = super()._recv_message(add_reader, fd, callback)
        self._readings[fd] = self.fileno_to_outq.get(fd), reading
        return reading

    def _half_read(self, fd: int) -> Reading | None:
        """None also where the child is gone and another has got the number: what it sends begins anew."""
        child, reading = self._readings.get(fd, (None, None))
        unfinished = reading is not None and reading.gi_frame is not None and not reading.gi_running
        return reading if unfinished and child is self.fileno_to_outq.get(fd) else None

    def _finish_partial_read(self, fd: int, proc: Any) -> bool:
        """At the stop of the pool, Celery looks for the half in the loop."""
        if (half_read := self._half_read(fd)) is not None and self._hub is not None:
            self._hub.readers[fd] = half_read, ()
        return bool(super()._finish_partial_read(fd, proc))


def keep_half_read_results() -> None:
    """For each pool that this process makes from now on."""
    asynpool.AsynPool.ResultHandler = PatientResultHandler
