"""Which periods of a report are due: opened in the store by whoever looks first."""

from __future__ import annotations

import logging
from datetime import UTC, datetime

from notifier.reports.catch_up import MOST, CatchUp, chosen
from notifier.reports.periods import period_by, periods_between
from notifier.reports.registry import Report
from notifier.store.reports import Looked, RedisReports

log = logging.getLogger(__name__)

AHEAD = 3600.0  # seconds; a clock that was set back by less has only to be waited for


def open_due(report: Report, reports: RedisReports) -> list[str]:
    """Open what has ended since somebody looked, by the store's clock; the periods that nobody has. Raises `StoreUnavailable`."""
    looked, schedule = reports.look(report.name), f"{report.schedule.identity} {report.zone.key}"
    now = datetime.fromtimestamp(looked.now, UTC)
    newest = period_by(now, report.schedule, report.zone).end.timestamp()
    if looked.until is None:  # a new report begins now, and not with all the past
        reports.open(report.name, looked, newest, (), (), schedule=schedule)
    elif looked.until > looked.now + AHEAD:  # else it would be silent until then
        reports.open(report.name, looked, newest, (), (), schedule=schedule)
        log.error("report %s: the store's clock was ahead, and its periods begin with the next one", report.name)
    elif newest > looked.until:
        _open(report, reports, looked, schedule)
    elif schedule != looked.schedule:
        reports.open(report.name, looked, looked.until, (), (), schedule=schedule)
    return reports.due(report.name)


def _open(report: Report, reports: RedisReports, looked: Looked, schedule: str) -> None:
    now, since = datetime.fromtimestamp(looked.now, UTC), datetime.fromtimestamp(looked.until or 0.0, UTC)
    ended = periods_between(since, now, report.schedule, report.zone, MOST + 1)
    # Periods of another schedule were looked for then: those of this one that ended long ago were never due.
    changed = looked.schedule not in ("", schedule)
    choice = chosen(ended, CatchUp.SKIP if changed else report.catch_up, now)
    due, missed = [one.key for one in choice.due], [one.key for one in choice.missed if not changed]
    if reports.open(report.name, looked, ended[-1].end.timestamp(), due, missed, schedule=schedule) and missed:
        before = ", nor are those before" if len(ended) > MOST else ""
        log.warning(
            "report %s: %d periods are not sent, %s to %s%s", report.name, len(missed), missed[0], missed[-1], before
        )
