"""`TTLCache`: what is known until its time is over."""

from __future__ import annotations

import os
import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Hashable
from typing import Generic, NamedTuple, TypeVar

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")


class _State(NamedTuple, Generic[K, V]):
    """Of one process: another thread may hold the lock at a fork, so a child has its own, and begins with nothing."""

    pid: int
    lock: threading.Lock
    entries: OrderedDict[K, tuple[V, float]]


class TTLCache(Generic[K, V]):
    """At most ``most`` entries: those go first that were not asked for the longest. ``clock`` is monotonic seconds."""

    def __init__(self, most: int, clock: Callable[[], float] = time.monotonic) -> None:
        self._most = most
        self._clock = clock
        self._state = self._fresh()

    def get(self, key: K) -> V | None:
        """What is known, or None."""
        state = self._own()
        with state.lock:
            if (entry := state.entries.get(key)) is None:
                return None
            value, until = entry
            if self._clock() >= until:
                del state.entries[key]
                return None
            state.entries.move_to_end(key)
            return value

    def put(self, key: K, value: V, seconds: float) -> None:
        """Know it for so long; with 0, not at all."""
        state = self._own()
        with state.lock:
            state.entries.pop(key, None)
            if seconds <= 0:
                return
            state.entries[key] = value, self._clock() + seconds
            if len(state.entries) > self._most:
                state.entries.popitem(last=False)

    def __len__(self) -> int:
        return len(self._own().entries)

    def _own(self) -> _State[K, V]:
        if self._state.pid != os.getpid():
            self._state = self._fresh()
        return self._state

    def _fresh(self) -> _State[K, V]:
        return _State(os.getpid(), threading.Lock(), OrderedDict())
