"""`at_most`: what a template may take of the processor. A loop without end would hold a worker's slot until the task's limit.

The timer runs on the process's own time and not on the clock's, so that a busy machine makes no template bad.
"""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType


class TooLong(Exception):
    """The time was over."""


_armed = False


def _strike(number: int, frame: FrameType | None) -> None:
    del number, frame
    if _armed:
        raise TooLong


@contextmanager
def at_most(seconds: float) -> Iterator[None]:
    """Raises `TooLong` in the body after ``seconds`` of processor time.

    Only a main thread can be stopped so, and only where nobody else has the timer: elsewhere the task's limit holds.
    """
    global _armed  # noqa: PLW0603 - a process has one such timer
    if not _free():
        yield
        return
    try:
        _armed = True
        signal.setitimer(signal.ITIMER_VIRTUAL, seconds)
        yield
    finally:
        _armed = False
        signal.setitimer(signal.ITIMER_VIRTUAL, 0)


def _free() -> bool:
    if threading.current_thread() is not threading.main_thread():
        return False
    if signal.getsignal(signal.SIGVTALRM) is signal.SIG_DFL:
        signal.signal(signal.SIGVTALRM, _strike)  # for good: a strike that comes late would end the process by default
    mine = signal.getsignal(signal.SIGVTALRM) is _strike
    return mine and signal.getitimer(signal.ITIMER_VIRTUAL) == (0.0, 0.0)
