"""`Bell`: rings once, for the one who waits.

A bare lock, taken until it rings. An event takes ten times as long, and between two who share a session its time is
everybody's: while it is set, nobody else can have a place.
"""

from __future__ import annotations

import threading


class Bell:
    """For one thread that waits, and one that rings."""

    __slots__ = ("_silence",)

    def __init__(self) -> None:
        self._silence = threading.Lock()
        self._silence.acquire()

    def ring(self) -> None:
        """Once."""
        self._silence.release()

    def wait(self, seconds: float) -> None:
        """Until it rings, or the time is over."""
        self._silence.acquire(timeout=seconds)
