"""`Crontab`: minutes, hours, days, months and weekdays, as crontab(5) writes them, in local time."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Self
from zoneinfo import ZoneInfo

from notifier.reports.local_time import instant_of, latest_wall_by, wall_of

DAY = timedelta(days=1)
HORIZON = 41 * 366  # days; a 29 February that has to be a Monday comes after 40 years at the latest
_MONTHS = dict(
    zip(("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"), range(1, 13), strict=True)
)
_WEEKDAYS = dict(zip(("sun", "mon", "tue", "wed", "thu", "fri", "sat"), range(7), strict=True))
_SHORT = {
    "@yearly": "0 0 1 1 *", "@annually": "0 0 1 1 *", "@monthly": "0 0 1 * *", "@weekly": "0 0 * * 0",
    "@daily": "0 0 * * *", "@midnight": "0 0 * * *", "@hourly": "0 * * * *",
}  # fmt: skip
_FIELDS: tuple[tuple[str, int, int, dict[str, int]], ...] = (
    ("minute", 0, 59, {}),
    ("hour", 0, 23, {}),
    ("day of the month", 1, 31, {}),
    ("month", 1, 12, _MONTHS),
    ("day of the week", 0, 7, _WEEKDAYS),
)
_PART = re.compile(r"(\*|[a-z]{3}|\d{1,2})(?:-([a-z]{3}|\d{1,2}))?(?:/(\d{1,2}))?\Z")


@dataclass(frozen=True, slots=True)
class Crontab:
    """``weekdays`` from 0, Sunday. ``either``: a day of the month or one of the week will do, where both are given; so
    crontab(5), while Celery's wants both. Raises `ValueError` for one that never comes.
    """

    minutes: frozenset[int]
    hours: frozenset[int]
    days: frozenset[int]
    months: frozenset[int]
    weekdays: frozenset[int]
    either: bool = False
    text: str = ""

    def __post_init__(self) -> None:
        if not any(self._includes(date(2000, 1, 1) + DAY * number) for number in range(HORIZON)):
            raise ValueError(f"the schedule {self.text!r} never comes")

    def __str__(self) -> str:
        return self.text

    @classmethod
    def parse(cls, text: str) -> Self:
        """From ``minute hour day month weekday``, or @daily and the like. Raises `ValueError`."""
        fields = _SHORT.get(text.strip().lower(), text).lower().split()
        if len(fields) != len(_FIELDS):
            raise ValueError(
                f"a schedule is five fields, minute hour day month weekday, such as '0 8 * * mon', and not {text!r}"
            )
        values = [_values(field, *row) for field, row in zip(fields, _FIELDS, strict=True)]
        weekdays = frozenset(day % 7 for day in values[4])
        either = not fields[2].startswith("*") and not fields[4].startswith("*")
        return cls(values[0], values[1], values[2], values[3], weekdays, either, text.strip())

    @property
    def identity(self) -> str:
        """What tells it from others, however it was written: a set of names has another order in each process."""
        fields = (self.minutes, self.hours, self.days, self.months, self.weekdays)
        return " ".join([*(",".join(map(str, sorted(field))) for field in fields), "or" if self.either else "and"])

    def after(self, instant: datetime, zone: ZoneInfo) -> datetime:
        """The first moment after it, UTC."""
        wall = wall_of(instant, zone)
        for number in range(HORIZON):
            for candidate in self._walls(wall.date() + DAY * number):
                if candidate >= wall and (moment := instant_of(candidate, zone)) > instant:
                    return moment
        raise ValueError(f"the schedule {self.text!r} does not come any more")

    def at_or_before(self, instant: datetime, zone: ZoneInfo) -> datetime:
        """The last moment up to it, UTC."""
        wall = latest_wall_by(instant, zone)
        for number in range(HORIZON):
            for candidate in self._walls(wall.date() - DAY * number, backwards=True):
                if candidate <= wall and (moment := instant_of(candidate, zone)) <= instant:
                    return moment
        return datetime.min.replace(tzinfo=UTC)

    def _walls(self, day: date, *, backwards: bool = False) -> Iterator[datetime]:
        if self._includes(day):
            for hour in sorted(self.hours, reverse=backwards):
                for minute in sorted(self.minutes, reverse=backwards):
                    yield datetime.combine(day, time(hour, minute))

    def _includes(self, day: date) -> bool:
        by_month, by_week = day.day in self.days, day.isoweekday() % 7 in self.weekdays
        return day.month in self.months and ((by_month or by_week) if self.either else (by_month and by_week))


def _values(field: str, name: str, low: int, high: int, names: dict[str, int]) -> frozenset[int]:
    found: set[int] = set()
    for part in field.split(","):
        match = _PART.match(part)
        if match is None:
            raise ValueError(
                f"the {name} {part!r} of a schedule is none: a number, *, a range, or one of them with /step"
            )
        start, end, step = match.groups()
        first = low if start == "*" else _number(start, name, names)
        last = high if start == "*" or (step and not end) else first
        last = _number(end, name, names) if end else last
        if not low <= first <= last <= high or step == "0" or (start == "*" and end):
            raise ValueError(f"the {name} {part!r} of a schedule is not within {low} to {high}")
        found.update(range(first, last + 1, int(step or 1)))
    return frozenset(found)


def _number(text: str, name: str, names: dict[str, int]) -> int:
    if text.isdigit():
        return int(text)
    if text not in names:
        raise ValueError(f"the {name} {text!r} of a schedule has no such name")
    return names[text]
