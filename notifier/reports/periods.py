"""`Period`: what one run of a report is about, from one moment of its schedule to the next."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from notifier.reports.schedules import Schedule

_KEY = "%Y-%m-%dT%H:%M:%SZ"


@dataclass(frozen=True, slots=True)
class Period:
    """From ``start`` on and before ``end``, both in the report's time zone. It is due at its end."""

    start: datetime
    end: datetime

    @property
    def key(self) -> str:
        """Its name in the store: the instant of its end."""
        return self.end.astimezone(UTC).strftime(_KEY)

    def __str__(self) -> str:
        return f"{self.start:%Y-%m-%d %H:%M %Z} to {self.end:%Y-%m-%d %H:%M %Z}"


def instant_named(key: str) -> datetime:
    """What `Period.key` says. Raises `ValueError`."""
    return datetime.strptime(key, _KEY).replace(tzinfo=UTC)


def period_by(instant: datetime, schedule: Schedule, zone: ZoneInfo) -> Period:
    """The last period that had ended by then."""
    return period_until(schedule.at_or_before(instant, zone), schedule, zone)


def period_until(end: datetime, schedule: Schedule, zone: ZoneInfo) -> Period:
    """The one with that end."""
    start = schedule.at_or_before(end - timedelta(seconds=1), zone)
    return Period(start.astimezone(zone), end.astimezone(zone))


def periods_between(after: datetime, until: datetime, schedule: Schedule, zone: ZoneInfo, most: int) -> list[Period]:
    """Those that ended after the one instant and by the other, oldest first; the newest ``most`` of them."""
    found: list[Period] = []
    for period in _backwards(until, schedule, zone):
        if period.end <= after or len(found) == most:
            break
        found.append(period)
    return found[::-1]


def _backwards(until: datetime, schedule: Schedule, zone: ZoneInfo) -> Iterator[Period]:
    while True:
        period = period_by(until, schedule, zone)
        yield period
        until = period.start
