"""`Stopwatch`: when each step of an attempt at a mail began, and how long it took. For metrics and traces."""

from __future__ import annotations

import time
from dataclasses import dataclass
from enum import StrEnum
from types import TracebackType
from typing import Self


class Step(StrEnum):
    """Steps of the journey that take time."""

    RENDER = "render"
    COMPOSE = "compose"
    CHECKOUT = "checkout"
    TRANSACTION = "transaction"
    DOT_WAIT = "dot_wait"  # within the transaction, from the dot's record to the final reply


@dataclass(slots=True)
class Took:
    """``began``: seconds since the epoch. Not frozen, though nobody changes it: there are several for each mail."""

    step: Step
    began: float
    seconds: float
    failed: bool = False


class Stopwatch:
    """One attempt's. ``began``: seconds since the epoch, when it was made."""

    __slots__ = ("began", "took")

    def __init__(self) -> None:
        self.began = time.time()
        self.took: list[Took] = []

    def step(self, step: Step) -> Running:
        """Measure the ``with`` block."""
        return Running(self, step)

    def take(self) -> list[Took]:
        """What was measured since this was asked last."""
        taken, self.took = self.took, []
        return taken


class Running:
    """A step that goes on. What it raises passes through."""

    __slots__ = ("_began", "_clock", "_step", "_watch")

    def __init__(self, watch: Stopwatch, step: Step) -> None:
        self._watch = watch
        self._step = step

    def __enter__(self) -> Self:
        self._began, self._clock = time.time(), time.monotonic()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        seconds = time.monotonic() - self._clock
        self._watch.took.append(Took(self._step, self._began, seconds, failed=error is not None))


class Lap:
    """A moment that several mails' steps begin at."""

    __slots__ = ("_clock", "began")

    def __init__(self) -> None:
        self.began, self._clock = time.time(), time.monotonic()

    @property
    def seconds(self) -> float:
        """From that moment until now."""
        return time.monotonic() - self._clock

    def took(self, step: Step, *, failed: bool = False) -> Took:
        """That step, from that moment until now."""
        return Took(step, self.began, self.seconds, failed)
