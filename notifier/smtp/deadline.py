"""Deadlines: points in monotonic time, so that a server which drips octets gains nothing (law 4)."""

from __future__ import annotations

import time
from typing import NamedTuple


class Deadline(NamedTuple):
    """A moment of the monotonic clock, seconds."""

    at: float

    @classmethod
    def after(cls, seconds: float) -> Deadline:
        """That many seconds from now."""
        return cls(time.monotonic() + seconds)

    @property
    def remaining(self) -> float:
        """Seconds left, never under 0."""
        return max(0.0, self.at - time.monotonic())
