"""`AtMost`: what a template may take of the processor. A loop without end would hold a worker's slot until the task's limit.

The timer runs on the process's own time and not on the clock's, so that a busy machine makes no template bad. One call
into C, however long, is not interrupted.
"""

from __future__ import annotations

import signal
import threading
from _signal import getsignal  # type: ignore[import-not-found]
from contextlib import AbstractContextManager
from types import FrameType, TracebackType

# Processor seconds to the next strike: one that falls into a finaliser, or into Jinja's folding of constants, is swallowed.
AGAIN = 0.5


class TooLong(Exception):
    """The time was over."""


_armed = False


def _strike(number: int, frame: FrameType | None) -> None:
    del number, frame
    if _armed:
        raise TooLong


def disarm() -> None:
    """No strike comes from now on."""
    global _armed  # noqa: PLW0603 - a process has one such timer
    try:
        _armed = False
    finally:  # the last strike may fall between the two
        _armed = False
        signal.setitimer(signal.ITIMER_VIRTUAL, 0)


class AtMost(AbstractContextManager["AtMost"]):
    """Raises `TooLong` in the body after so many seconds of processor time. Whoever catches it calls `disarm`.

    Only a main thread can be stopped so, and only where nobody else has the timer: elsewhere the task's limit holds.
    """

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._free = False

    def __enter__(self) -> AtMost:
        global _armed  # noqa: PLW0603 - as above
        self._free = _free()
        if self._free:
            _armed = True
            signal.setitimer(signal.ITIMER_VIRTUAL, self._seconds, AGAIN)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._free:
            disarm()


def _free() -> bool:
    if threading.current_thread() is not threading.main_thread():
        return False
    # `signal.getsignal` looks for the handler in an enum, by an error that it catches, which takes longer than all else here.
    handler = getsignal(signal.SIGVTALRM)
    if handler == signal.SIG_DFL:
        try:  # for good: a strike that comes late would end the process by default
            signal.signal(signal.SIGVTALRM, _strike)
        except ValueError:  # the main thread of an interpreter that is not the main one
            return False
        handler = _strike
    return handler is _strike and signal.getitimer(signal.ITIMER_VIRTUAL) == (0.0, 0.0)
