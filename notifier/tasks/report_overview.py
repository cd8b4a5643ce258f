"""How reports stand, and what a person does about them; the commands stand on this."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from notifier.errors import InvalidReport
from notifier.reports.periods import Period, period_by
from notifier.reports.registry import Report, registry
from notifier.reports.schedules import EPOCH
from notifier.store.reports import OpenPeriod, PastPeriod
from notifier.tasks.app import point_at_broker
from notifier.tasks.report_modules import load_reports
from notifier.tasks.report_sending import send_period, send_to_others
from notifier.tasks.runtime import runtime, settings


@dataclass(frozen=True, slots=True)
class ReportStands:
    """``next_at`` in the report's time zone; ``past`` newest first."""

    report: Report
    next_at: datetime
    opened: Sequence[OpenPeriod]
    past: Sequence[PastPeriod]


def all_reports() -> list[Report]:
    """Every report that is registered here. Raises `ConfigurationError`."""
    load_reports(settings())
    return list(registry)


def report_named(name: str) -> Report:
    """Raises `ReportNotFound`, `ConfigurationError`."""
    load_reports(settings())
    return registry[name]


def reports_stand() -> Iterator[ReportStands]:
    """Each report. Raises `StoreUnavailable`."""
    for one in all_reports():
        opened, past = runtime().store.reports.stands(one.name)
        yield ReportStands(one, next(coming(one)), opened, past)


def coming(report: Report) -> Iterator[datetime]:
    """When it is due from now on, in its time zone."""
    moment = datetime.now(UTC)
    while True:
        moment = report.schedule.after(moment, report.zone)
        yield moment.astimezone(report.zone)


def last_period(report: Report, by: datetime | None = None) -> Period:
    """The one that had ended by then. Raises `InvalidReport` for a time before all schedules."""
    by = by or datetime.now(UTC)
    if by < EPOCH + timedelta(days=366):
        raise InvalidReport(f"{report.name} has no period that had ended by {by:%Y-%m-%d}")
    return period_by(by, report.schedule, report.zone)


def run_now(report: Report, period: Period) -> PastPeriod | OpenPeriod | None:
    """Send a period here and now to those who have not had it; what became of it.

    Raises `InvalidReport` where it was sent, or a worker has it, or it has not ended.
    """
    if period.end > datetime.now(UTC):  # whoever had half of it would not have the whole
        raise InvalidReport(f"{report.name} of {period} has not ended; --to sends it to somebody else")
    point_at_broker()
    reports = runtime().store.reports
    for one in reports.stands(report.name)[1]:
        if one.period == period.key and one.state == "sent":
            raise InvalidReport(f"{report.name} of {period} was sent; --to sends it to somebody else")
    if not reports.again(report.name, period.key):
        raise InvalidReport(f"a worker is sending {report.name} of {period}")
    send_period(report, period.key)
    opened, past = reports.stands(report.name)
    everything: list[OpenPeriod | PastPeriod] = [*opened, *past]
    return next((one for one in everything if one.period == period.key), None)


def run_for(report: Report, period: Period, recipients: Sequence[str]) -> list[str]:
    """Send a period to somebody else, for a try: the mails' ids."""
    point_at_broker()
    return send_to_others(report, period.key, recipients)
