"""Deadlines: points in monotonic time, so that a server which drips octets gains nothing (law 4)."""

from __future__ import annotations

import time
from typing import Self


class Deadline(float):
    """A moment of the monotonic clock, seconds. A number, because there are two for each mail and nothing is made faster."""

    __slots__ = ()

    @classmethod
    def after(cls, seconds: float) -> Self:
        """That many seconds from now."""
        return cls(time.monotonic() + seconds)

    @property
    def remaining(self) -> float:
        """Seconds left, never under 0."""
        return max(0.0, self - time.monotonic())
