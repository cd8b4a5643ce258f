"""From the time on a wall to the instant, across changes of the clock (PEP 495)."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo


def instant_of(wall: datetime, zone: ZoneInfo) -> datetime:
    """UTC of a naive local time. One that exists twice is its first; one that does not exist is the next that does."""
    first = wall.replace(tzinfo=zone, fold=0).astimezone(UTC)
    if first.astimezone(zone).replace(tzinfo=None) == wall:
        return first
    return _end_of_gap(wall, zone)


def _end_of_gap(wall: datetime, zone: ZoneInfo) -> datetime:
    # In a gap fold=1 reckons with the offset behind it, and so comes out before it; fold=0 the other way round.
    before = wall.replace(tzinfo=zone, fold=1).astimezone(UTC)
    behind = wall.replace(tzinfo=zone, fold=0).astimezone(UTC)
    old = before.astimezone(zone).utcoffset()
    low, high = 0, int((behind - before).total_seconds())
    while high - low > 1:
        middle = (low + high) // 2
        if (before + timedelta(seconds=middle)).astimezone(zone).utcoffset() == old:
            low = middle
        else:
            high = middle
    return before + timedelta(seconds=high)


def wall_of(instant: datetime, zone: ZoneInfo) -> datetime:
    """The naive local time."""
    return instant.astimezone(zone).replace(tzinfo=None)


def latest_wall_by(instant: datetime, zone: ZoneInfo) -> datetime:
    """The greatest local time that had its first turn by then: while an hour is there again, all of it has had one."""
    local = instant.astimezone(zone)
    wall = local.replace(tzinfo=None)
    if not local.fold:
        return wall
    first, second = local.replace(fold=0).utcoffset(), local.utcoffset()
    return wall if first is None or second is None else wall + (first - second)
