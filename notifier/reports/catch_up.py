"""What is done about periods that ended while nobody looked."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from notifier.reports.periods import Period

MOST = 30  # periods that one catch-up sends or tells of
ON_TIME = timedelta(minutes=10)  # so late a period may be and still be on time


class CatchUp(StrEnum):
    """Which of them are sent."""

    SKIP = "skip"  # one that is still on time, and else none
    LATEST = "latest"  # the last one
    ALL = "all"  # each, oldest first, up to `MOST`


@dataclass(frozen=True, slots=True)
class Chosen:
    """``due`` are sent, ``missed`` never."""

    due: tuple[Period, ...]
    missed: tuple[Period, ...]


def chosen(ended: Sequence[Period], policy: CatchUp, now: datetime) -> Chosen:
    """Of the periods that have ended since somebody looked, oldest first."""
    last = tuple(ended[-MOST:] if policy is CatchUp.ALL else ended[-1:])
    if policy is CatchUp.SKIP and last and now - last[0].end > ON_TIME:
        last = ()
    return Chosen(last, tuple(ended[: len(ended) - len(last)]))
