"""A clock that stands still when this process does: what is promised in seconds can be checked on a machine that is busy."""

from __future__ import annotations

import threading
from types import TracebackType
from typing import Self

TICK = 0.01  # seconds


class RunningClock:
    """``seconds``: since the beginning of the block, in ticks of a thread. A tick may be longer, and never is shorter."""

    def __init__(self) -> None:
        self._ticks = 0
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._run, name="running-clock", daemon=True)

    @property
    def seconds(self) -> float:
        return self._ticks * TICK

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._over.set()
        self._thread.join()

    def _run(self) -> None:
        while not self._over.wait(TICK):
            self._ticks += 1
