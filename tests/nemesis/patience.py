"""Waiting, and telling on stderr what the run is at."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator

PATIENCE = 60.0  # seconds until a wait is given up; nothing is measured by it
_began = time.monotonic()


class GaveUp(Exception):
    """What was waited for did not come."""


def until(true: Callable[[], bool], what: str, *, within: float = PATIENCE, look_every: float = 0.02) -> None:
    """Look until it is so. Raises `GaveUp` with ``what``."""
    ends = time.monotonic() + within
    while not true():
        if time.monotonic() >= ends:
            raise GaveUp(f"waited {within:.0f} s in vain: {what}")
        time.sleep(look_every)


def none_left(left: Callable[[], int], what: str) -> None:
    """Look until nothing is left. Raises `GaveUp` where it has not become less for `PATIENCE` seconds."""
    least, since = left(), time.monotonic()
    while least:
        time.sleep(0.2)
        if (now := left()) < least:
            least, since = now, time.monotonic()
        elif time.monotonic() - since > PATIENCE:
            raise GaveUp(f"waited {PATIENCE:.0f} s in vain: {what}; {now} are left")


def in_time(rounds: int, ends_at: float, faults: list[str]) -> Iterator[int]:
    """The numbers of the rounds, from 1; those that would begin later (monotonic seconds) are a fault instead."""
    for number in range(1, rounds + 1):
        if time.monotonic() > ends_at:
            faults.append(f"no time was left for {rounds - number + 1} rounds")
            return
        yield number


def tell(words: str) -> None:
    """Progress, for who watches."""
    print(f"[{time.monotonic() - _began:5.0f} s] {words}", file=sys.stderr, flush=True)
