"""When a report is due: a crontab in local time, or an interval."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Protocol
from zoneinfo import ZoneInfo

from notifier.reports.crontab import Crontab

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class Schedule(Protocol):
    """Moments without end, each an instant of its own."""

    @property
    def identity(self) -> str:
        """What tells it from others, however it was written."""

    def after(self, instant: datetime, zone: ZoneInfo) -> datetime:
        """The first moment after it, UTC."""

    def at_or_before(self, instant: datetime, zone: ZoneInfo) -> datetime:
        """The last moment up to it, UTC."""


@dataclass(frozen=True, slots=True)
class Every:
    """Every so many whole seconds since 1970 (UTC), whatever clocks on walls do. Raises `ValueError`."""

    seconds: int

    def __post_init__(self) -> None:
        if self.seconds < 1:
            raise ValueError(f"an interval is a whole number of seconds, 1 or more, and not {self.seconds}")

    def __str__(self) -> str:
        return f"every {timedelta(seconds=self.seconds)}"

    @property
    def identity(self) -> str:
        """See `Schedule.identity`."""
        return str(self.seconds)

    def after(self, instant: datetime, zone: ZoneInfo) -> datetime:
        """See `Schedule.after`."""
        return self.at_or_before(instant, zone) + timedelta(seconds=self.seconds)

    def at_or_before(self, instant: datetime, zone: ZoneInfo) -> datetime:
        """See `Schedule.at_or_before`."""
        del zone
        return EPOCH + timedelta(seconds=(instant - EPOCH) // timedelta(seconds=self.seconds) * self.seconds)


def read_schedule(given: object) -> Schedule:
    """From crontab text, or an interval as a timedelta. Raises `ValueError`, `TypeError`."""
    if isinstance(given, str):
        return Crontab.parse(given)
    if isinstance(given, timedelta):
        if given.microseconds:
            raise ValueError(f"an interval is a whole number of seconds, and not {given}")
        return Every(int(given.total_seconds()))
    if isinstance(given, Crontab | Every):
        return given
    raise TypeError(f"a schedule is crontab text, a timedelta, or one of Celery's crontabs, not {type(given).__name__}")
