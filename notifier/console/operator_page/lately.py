"""`Lately`: an answer that costs something, asked for by many, and not every time."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import Generic, TypeVar

_T = TypeVar("_T")


class Lately(Generic[_T]):
    """The answer of ``ask``, which may be so many ``seconds`` old. Safe to share between threads."""

    def __init__(self, ask: Callable[[], _T], seconds: float, clock: Callable[[], float] = time.monotonic) -> None:
        self._ask = ask
        self._seconds = seconds
        self._clock = clock
        self._lock = threading.Lock()
        self._known: tuple[float, _T] | None = None

    def get(self) -> _T:
        """Raises what ``ask`` raises; that is not kept."""
        with self._lock:
            if self._known is None or self._clock() - self._known[0] >= self._seconds:
                self._known = self._clock(), self._ask()
            return self._known[1]
