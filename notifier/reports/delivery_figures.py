"""What the report `notifier-delivery` says: the counts of a span of days, as the context of its template."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from datetime import date, timedelta
from typing import Any, Protocol

STATES = ("sent", "deferred", "failed")
MOST_ROWS = 20
MOST_DAYS = 62
OWN_MESSAGES = "(composed by the application)"


class Counted(Protocol):
    """A count of one day."""

    @property
    def day(self) -> date: ...
    @property
    def state(self) -> str: ...
    @property
    def domain(self) -> str: ...
    @property
    def template(self) -> str: ...
    @property
    def count(self) -> int: ...


def figures_of(counts: Sequence[Counted], before: Sequence[Counted], first: date, last: date) -> dict[str, Any]:
    """The context; ``before`` are the counts of as many days before ``first``."""
    now, then = _by_state(counts), _by_state(before)
    return {
        "from_date": first.isoformat(),
        "to_date": last.isoformat(),
        **{state: _figure(now[state], then[state]) for state in STATES},
        "days": [{"label": f"{day:%m-%d}", "value": found["sent"]} for day, found in days_of(counts, first, last)],
        "templates": _rows(counts, lambda one: one.template or OWN_MESSAGES),
        "domains": _rows(counts, lambda one: one.domain),
    }


def days_of(counts: Iterable[Counted], first: date, last: date) -> list[tuple[date, dict[str, int]]]:
    """Each day, the newest `MOST_DAYS` of them, with its counts by state."""
    found = Counter[tuple[date, str]]()
    for one in counts:
        found[one.day, one.state] += one.count
    first = max(first, last - timedelta(days=MOST_DAYS - 1))
    days = [first + timedelta(days=number) for number in range((last - first).days + 1)]
    return [(day, {state: found[day, state] for state in STATES}) for day in days]


def _by_state(counts: Iterable[Counted]) -> Counter[str]:
    found = Counter[str]()
    for one in counts:
        found[one.state] += one.count
    return found


def _figure(now: int, then: int) -> dict[str, Any]:
    return {"value": now, **({"change": round(100 * (now - then) / then)} if then else {})}


def _rows(counts: Iterable[Counted], name_of: Callable[[Counted], str]) -> list[list[str | int]]:
    """The greatest `MOST_ROWS`."""
    found: dict[str, Counter[str]] = {}
    for one in counts:
        found.setdefault(name_of(one), Counter())[one.state] += one.count
    greatest = sorted(found.items(), key=lambda row: (-row[1].total(), row[0]))[:MOST_ROWS]
    return [[name, *(row[state] for state in STATES)] for name, row in greatest]
