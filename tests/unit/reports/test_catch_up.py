from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from notifier.reports.catch_up import MOST, ON_TIME, CatchUp, chosen
from notifier.reports.periods import Period, periods_between
from notifier.reports.schedules import read_schedule

HOURLY, ZONE = read_schedule("0 * * * *"), ZoneInfo("UTC")
NOON = datetime(2026, 11, 27, 12, tzinfo=UTC)


def ended(hours: int) -> list[Period]:
    return periods_between(NOON - timedelta(hours=hours), NOON, HOURLY, ZONE, MOST)


@pytest.mark.parametrize(("policy", "due"), [(CatchUp.SKIP, 1), (CatchUp.LATEST, 1), (CatchUp.ALL, 3)])
def test_what_ended_a_moment_ago_is_sent_whatever_the_policy(policy: CatchUp, due: int) -> None:
    choice = chosen(ended(3), policy, NOON)
    assert len(choice.due) == due
    assert (*choice.missed, *choice.due) == tuple(ended(3))


@pytest.mark.parametrize(("policy", "due"), [(CatchUp.SKIP, 0), (CatchUp.LATEST, 1), (CatchUp.ALL, 3)])
def test_what_ended_long_ago_is_sent_as_the_policy_says(policy: CatchUp, due: int) -> None:
    assert len(chosen(ended(3), policy, NOON + ON_TIME + timedelta(seconds=1)).due) == due


def test_all_of_them_are_so_many_at_most_and_the_newest() -> None:
    due = chosen(ended(1000), CatchUp.ALL, NOON).due
    assert len(due) == MOST
    assert due[-1].end == NOON


def test_where_nothing_has_ended_nothing_is_due() -> None:
    assert chosen([], CatchUp.LATEST, NOON).due == ()
