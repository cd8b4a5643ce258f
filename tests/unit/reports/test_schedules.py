"""When reports are due: crontabs across changes of the clock, in every zone that there is."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo, available_timezones

import pytest
from hypothesis import given
from hypothesis import strategies as st

from notifier.reports.crontab import Crontab
from notifier.reports.local_time import instant_of, wall_of
from notifier.reports.periods import instant_named, period_by, periods_between
from notifier.reports.schedules import Every, Schedule, read_schedule

BERLIN, NEW_YORK, LORD_HOWE, APIA = map(
    ZoneInfo, ("Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "Pacific/Apia")
)

MANY = 10**6

zones = st.sampled_from(sorted(available_timezones())).map(ZoneInfo)
instants = st.integers(365 * 86400, 67 * 365 * 86400).map(lambda one: datetime.fromtimestamp(one, UTC))
texts = st.sampled_from(
    [
        "30 2 * * *",
        "0 0 * * *",
        "*/15 * * * *",
        "0 * * * *",
        "59 23 31 12 *",
        "0 8 * * mon",
        "5 1,2,3 * * *",
        "0 8 1 * fri",
    ]
)
schedules: st.SearchStrategy[Schedule] = st.one_of(texts.map(Crontab.parse), st.integers(1, 10**6).map(Every))


def moments(text: str, zone: ZoneInfo, after: datetime, count: int) -> list[str]:
    schedule, found = Crontab.parse(text), [after]
    for _ in range(count):
        found.append(schedule.after(found[-1], zone))
    return [f"{moment.astimezone(zone):%m-%d %H:%M %z}" for moment in found[1:]]


def utc(*fields: int) -> datetime:
    return datetime(*fields, tzinfo=UTC)  # type: ignore[arg-type,misc]


def test_a_moment_that_does_not_exist_comes_at_the_next_that_does() -> None:
    assert moments("30 2 * * *", BERLIN, utc(2026, 3, 28, 12), 2) == ["03-29 03:00 +0200", "03-30 02:30 +0200"]


def test_a_moment_that_exists_twice_comes_once_at_its_first() -> None:
    assert moments("30 2 * * *", BERLIN, utc(2026, 10, 24, 12), 2) == ["10-25 02:30 +0200", "10-26 02:30 +0100"]


def test_many_moments_in_a_gap_are_one() -> None:
    assert moments("*/20 * * * *", NEW_YORK, utc(2026, 3, 8, 6, 40), 2) == ["03-08 03:00 -0400", "03-08 03:20 -0400"]


def test_a_change_of_half_an_hour() -> None:
    assert moments("15 2 * * *", LORD_HOWE, utc(2026, 10, 3, 0), 1) == ["10-04 02:30 +1100"]


def test_a_day_that_a_zone_has_left_out() -> None:
    assert moments("0 8 * * *", APIA, utc(2011, 12, 29, 19), 2) == ["12-31 00:00 +1400", "12-31 08:00 +1400"]


def test_a_day_of_the_month_or_of_the_week_will_do_as_crontab_has_it() -> None:
    assert moments("0 8 1 * mon", BERLIN, utc(2026, 11, 28), 3) == [
        "11-30 08:00 +0100",
        "12-01 08:00 +0100",
        "12-07 08:00 +0100",
    ]


def test_a_leap_day_comes_every_four_years() -> None:
    assert Crontab.parse("0 0 29 2 *").after(utc(2026, 1, 1), BERLIN) == utc(2028, 2, 28, 23)


def test_sunday_is_nought_and_seven() -> None:
    assert (
        Crontab.parse("0 0 * * 0").weekdays == Crontab.parse("0 0 * * 7").weekdays == Crontab.parse("@weekly").weekdays
    )


def test_ranges_steps_lists_and_names() -> None:
    read = Crontab.parse("*/20 9-17/4 1,15 jan-mar mon-fri")
    assert sorted(read.minutes) == [0, 20, 40]
    assert sorted(read.hours) == [9, 13, 17]
    assert sorted(read.days) == [1, 15]
    assert sorted(read.months) == [1, 2, 3]
    assert sorted(read.weekdays) == [1, 2, 3, 4, 5]


@pytest.mark.parametrize(
    "text", ["", "* * * *", "60 * * * *", "* 24 * * *", "* * 0 * *", "* * * 13 *", "* * * * 8", "5-1 * * * *", "*/0 * * * *", "x * * * *", "0 0 31 2 *", "*-5 * * * *", "mon * * * *"]
)  # fmt: skip
def test_what_is_no_schedule_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="schedule"):
        read_schedule(text)


def test_an_interval_is_whole_seconds() -> None:
    assert read_schedule(timedelta(minutes=5)) == Every(300)
    with pytest.raises(ValueError, match="whole"):
        read_schedule(timedelta(milliseconds=10))
    with pytest.raises(ValueError, match="whole"):
        read_schedule(timedelta(0))
    with pytest.raises(TypeError, match="crontab text"):
        read_schedule(5)


@given(schedules, zones, instants)
def test_each_moment_is_after_the_one_before(schedule: Schedule, zone: ZoneInfo, instant: datetime) -> None:
    first = schedule.after(instant, zone)
    assert instant < first < schedule.after(first, zone)


@given(schedules, zones, instants)
def test_forwards_and_backwards_are_the_same_moments(schedule: Schedule, zone: ZoneInfo, instant: datetime) -> None:
    last = schedule.at_or_before(instant, zone)
    upcoming = schedule.after(instant, zone)
    assert last <= instant < upcoming
    assert schedule.at_or_before(upcoming, zone) == upcoming
    assert schedule.at_or_before(upcoming - timedelta(seconds=1), zone) == last


@given(texts.map(Crontab.parse), zones, instants, st.lists(st.integers(1, 3 * 86400), min_size=1, max_size=8))
def test_however_often_somebody_looks_each_period_is_found_once(
    schedule: Schedule, zone: ZoneInfo, instant: datetime, waits: list[int]
) -> None:
    looks = [instant]
    for wait in waits:
        looks.append(looks[-1] + timedelta(seconds=wait))
    found = [p.key for a, b in pairwise(looks) for p in periods_between(a, b, schedule, zone, MANY)]
    assert found == [p.key for p in periods_between(looks[0], looks[-1], schedule, zone, MANY)]
    assert len(set(found)) == len(found)


@given(zones, instants)
def test_a_daily_report_comes_on_each_day_of_the_calendar_once(zone: ZoneInfo, instant: datetime) -> None:
    daily = Crontab.parse("30 2 * * *")
    moment = daily.after(instant, zone)
    following = daily.after(moment, zone)
    # A zone that leaves a day out has it at the beginning of the next.
    assert (wall_of(following, zone).date() - wall_of(moment, zone).date()).days in (0, 1)


@given(zones, instants)
def test_a_wall_that_exists_is_its_own_instant(zone: ZoneInfo, instant: datetime) -> None:
    wall = wall_of(instant, zone)
    assert wall_of(instant_of(wall, zone), zone) == wall
    assert instant_of(wall, zone) <= instant


@given(schedules, zones, instants)
def test_periods_follow_each_other_without_a_gap(schedule: Schedule, zone: ZoneInfo, instant: datetime) -> None:
    period = period_by(instant, schedule, zone)
    before = period_by(period.start, schedule, zone)
    assert before.end == period.start
    assert before.start.astimezone(UTC) < before.end.astimezone(UTC)
    assert period_by(instant_named(period.key), schedule, zone) == period
