"""Which periods of a report are due: opened in the store by whoever looks first."""

from __future__ import annotations

import logging
from datetime import UTC, datetime

from notifier.reports.catch_up import MOST, chosen
from notifier.reports.periods import period_by, periods_between
from notifier.reports.registry import Report
from notifier.store.reports import Looked, RedisReports

log = logging.getLogger(__name__)


def open_due(report: Report, reports: RedisReports) -> list[str]:
    """Open what has ended since somebody looked, by the store's clock; the periods that nobody has. Raises `StoreUnavailable`."""
    looked = reports.look(report.name)
    now = datetime.fromtimestamp(looked.now, UTC)
    newest = period_by(now, report.schedule, report.zone).end.timestamp()
    if looked.until is None:  # a new report begins now, and not with all the past
        reports.open(report.name, looked, newest, (), ())
    elif newest > looked.until:
        _open(report, reports, looked, now)
    return reports.due(report.name)


def _open(report: Report, reports: RedisReports, looked: Looked, now: datetime) -> None:
    since = datetime.fromtimestamp(looked.until or 0.0, UTC)
    ended = periods_between(since, now, report.schedule, report.zone, MOST)
    choice = chosen(ended, report.catch_up, now)
    due, missed = [one.key for one in choice.due], [one.key for one in choice.missed]
    if reports.open(report.name, looked, ended[-1].end.timestamp(), due, missed) and missed:
        log.warning("report %s: %d periods are not sent, %s to %s", report.name, len(missed), missed[0], missed[-1])
