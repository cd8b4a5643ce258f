from __future__ import annotations

from typing import Any
from zoneinfo import ZoneInfo

import pytest
from celery.schedules import crontab, schedule

from notifier.errors import InvalidReport, ReportNotFound
from notifier.reports.periods import Period
from notifier.reports.registry import Registry, Report, checked
from notifier.reports.schedules import Every
from notifier.tasks.report import _of_celery

GOOD: dict[str, Any] = {
    "schedule": "0 8 * * mon",
    "recipients": ["zoe@example.com"],
    "template": "welcome",
    "timezone": "Europe/Berlin",
    "catch_up": "latest",
    "mail_class": "report",
    "mail": {},
}


def orders(period: Period) -> dict[str, Any]:
    return {}


def others(period: Period) -> dict[str, Any]:
    return {}


def made(function: Any = orders, name: str = "weekly-orders", **changes: Any) -> Report:
    return checked(name, function, **{**GOOD, **changes})


def test_a_report_is_found_by_its_name() -> None:
    reports = Registry()
    reports.add(made())
    assert reports["weekly-orders"].zone == ZoneInfo("Europe/Berlin")


def test_a_report_that_is_not_there_names_those_that_are() -> None:
    reports = Registry()
    with pytest.raises(ReportNotFound, match="NOTIFIER_REPORTS"):
        reports["weekly-orders"]
    reports.add(made())
    with pytest.raises(ReportNotFound, match="known: weekly-orders"):
        reports["weekly-order"]


def test_two_functions_under_one_name_are_refused() -> None:
    reports = Registry()
    reports.add(made())
    reports.add(made())
    with pytest.raises(InvalidReport, match="twice"):
        reports.add(made(others))


def of_region(region: str) -> Any:
    return lambda period: {"region": region}


ANONYMOUS: tuple[Any, ...] = (
    lambda period: {},
    lambda period: None,
)


@pytest.mark.parametrize("two", [(of_region("eu"), of_region("us")), ANONYMOUS])
def test_two_functions_that_share_a_name_are_two(two: tuple[Any, Any]) -> None:
    reports = Registry()
    reports.add(made(two[0]))
    reports.add(made(two[0]))
    with pytest.raises(InvalidReport, match="twice"):
        reports.add(made(two[1]))


async def coming(period: Period) -> dict[str, Any]:
    return {}


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"function": coming}, "asynchronous"),
        ({"recipients": coming}, "asynchronous"),
        ({"function": {}}, "is a function"),
        ({"name": "Weekly Orders"}, "small letters"),
        ({"schedule": "every monday"}, "five fields"),
        ({"schedule": 60}, "crontab text"),
        ({"timezone": "Europe/Atlantis"}, "no time zone"),
        ({"timezone": "../../etc/passwd"}, "no time zone"),
        ({"catch_up": "some"}, "skip, latest, all"),
        ({"recipients": []}, "list of addresses"),
        ({"recipients": None}, "list of addresses"),
        ({"template": ""}, "template"),
    ],
)
def test_what_cannot_work_is_refused_where_it_is_registered(changes: dict[str, Any], words: str) -> None:
    with pytest.raises(InvalidReport, match=words):
        made(**changes)


def test_one_address_is_a_list_of_one() -> None:
    assert made(recipients="zoe@example.com").recipients == ("zoe@example.com",)


def test_a_crontab_of_celerys_wants_both_days() -> None:
    read = _of_celery(crontab(minute=0, hour=8, day_of_month="1-7", day_of_week="mon"))
    assert made(schedule=read).schedule == read
    assert (read.weekdays, read.either) == ({1}, False)  # type: ignore[attr-defined]


def test_an_interval_of_celerys_is_one() -> None:
    assert made(schedule=_of_celery(schedule(300))).schedule == Every(300)
