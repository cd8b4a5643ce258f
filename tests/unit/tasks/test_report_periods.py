"""Which periods are due, with a clock that the test moves: outages, changes of the clock, two who look at once."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from fake_ledger import Clock, fake_redis, fake_store

from notifier.reports.catch_up import MOST, CatchUp
from notifier.reports.registry import Report
from notifier.reports.schedules import read_schedule
from notifier.store import RedisStore
from notifier.tasks.report_periods import open_due

DAY = 86400.0


@pytest.fixture
def clock() -> Clock:
    return Clock(datetime(2026, 3, 27, 12, tzinfo=UTC).timestamp())


@pytest.fixture
def store(clock: Clock) -> Iterator[RedisStore]:
    with fake_redis(clock):
        made = fake_store()
        yield made
        made.close()


def daily(catch_up: str = "latest", text: str = "30 2 * * *") -> Report:
    function: Callable[[Any], Any] = dict
    schedule, zone = read_schedule(text), ZoneInfo("Europe/Berlin")
    return Report("daily", function, schedule, zone, ("zoe@example.com",), "welcome", CatchUp(catch_up))


def missed(store: RedisStore) -> list[str]:
    return [one.period for one in store.reports.stands("daily")[1] if one.state == "missed"]


def test_a_new_report_begins_now_and_not_with_the_past(store: RedisStore) -> None:
    assert open_due(daily(), store.reports) == []
    assert missed(store) == []


def test_a_night_without_half_past_two_has_its_report_at_three(store: RedisStore, clock: Clock) -> None:
    open_due(daily(), store.reports)
    clock.now = datetime(2026, 3, 29, 0, 59, 59, tzinfo=UTC).timestamp()
    assert open_due(daily(), store.reports) == ["2026-03-28T01:30:00Z"]
    clock.now += 1
    assert open_due(daily(), store.reports) == ["2026-03-28T01:30:00Z", "2026-03-29T01:00:00Z"]


def test_looking_again_and_again_opens_nothing_more(store: RedisStore, clock: Clock) -> None:
    open_due(daily(), store.reports)
    clock.now += DAY
    assert len({tuple(open_due(daily(), store.reports)) for _ in range(3)}) == 1


@pytest.mark.parametrize(("catch_up", "due", "left_out"), [("skip", 0, 3), ("latest", 1, 2), ("all", 3, 0)])
def test_after_an_outage_of_three_days(store: RedisStore, clock: Clock, catch_up: str, due: int, left_out: int) -> None:
    report = daily(catch_up)
    open_due(report, store.reports)
    clock.now += 3 * DAY
    assert len(open_due(report, store.reports)) == due
    assert len(missed(store)) == left_out


def test_after_a_year_the_newest_are_caught_up(store: RedisStore, clock: Clock) -> None:
    open_due(daily("all"), store.reports)
    clock.now += 365 * DAY
    assert len(open_due(daily("all"), store.reports)) == MOST
    assert len(missed(store)) == 1  # the newest of those that are too many


@pytest.mark.parametrize("catch_up", ["latest", "all"])
def test_a_schedule_that_is_changed_sends_nothing_of_the_past(store: RedisStore, clock: Clock, catch_up: str) -> None:
    open_due(daily(catch_up), store.reports)
    clock.now += 1800
    changed = daily(catch_up, "0 * * * *")
    assert open_due(changed, store.reports) == []
    assert open_due(daily(catch_up, "0 11 * * *"), store.reports) == []
    assert missed(store) == []
    clock.now += DAY
    assert open_due(daily(catch_up, "0 11 * * *"), store.reports)


def test_a_moment_that_comes_while_old_and_new_workers_look_is_not_lost(store: RedisStore, clock: Clock) -> None:
    old, new = daily(), daily(text="31 2 * * *")
    open_due(old, store.reports)
    open_due(new, store.reports)
    clock.now = datetime(2026, 3, 28, 1, 30, 5, tzinfo=UTC).timestamp()
    assert open_due(old, store.reports) == ["2026-03-28T01:30:00Z"]


def test_one_schedule_in_two_spellings_is_no_change(store: RedisStore, clock: Clock) -> None:
    open_due(daily("all", "0 8 * * mon,tue"), store.reports)
    clock.now += 7 * DAY
    assert len(open_due(daily("all", "0 8 * * 2,1"), store.reports)) == 2


def test_a_clock_that_was_years_ahead_does_not_silence_a_report(store: RedisStore, clock: Clock) -> None:
    open_due(daily(), store.reports)
    clock.now += 3650 * DAY
    open_due(daily(), store.reports)
    clock.now -= 3650 * DAY
    open_due(daily(), store.reports)
    clock.now += DAY
    assert open_due(daily(), store.reports)[-1] == "2026-03-28T01:30:00Z"


def test_a_store_that_was_wiped_sends_nothing_again(store: RedisStore, clock: Clock) -> None:
    open_due(daily("all"), store.reports)
    clock.now += DAY
    assert len(open_due(daily("all"), store.reports)) == 1
    store._connection.ask(("FLUSHALL",))
    assert open_due(daily("all"), store.reports) == []


def test_a_clock_that_goes_back_opens_nothing_twice(store: RedisStore, clock: Clock) -> None:
    open_due(daily(), store.reports)
    clock.now += DAY
    due = open_due(daily(), store.reports)
    clock.now -= 2 * DAY
    open_due(daily(), store.reports)
    clock.now += 2 * DAY
    assert open_due(daily(), store.reports) == due
