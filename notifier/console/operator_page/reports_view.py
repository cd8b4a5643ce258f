"""The reports that a schedule sends: when each is due, what is open, what became of the last ones."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import islice

from notifier.console.html import Child, Markup, tag
from notifier.console.operator_page.layout import Viewer, badge, empty, lines, moment, page, table
from notifier.store.reports import OpenPeriod, PastPeriod
from notifier.tasks.report_overview import ReportStands, coming

NEXT = 3  # times
PAST = 5  # periods
_TONE = {"sent": "good", "failed": "error", "missed": "warning"}


def reports_page(viewer: Viewer, found: Sequence[ReportStands]) -> str:
    """The list."""
    heads = ("report", "next", "open", "before")
    shown = (
        table("Reports", heads, (_row(viewer, one) for one in found))
        if found
        else empty("No report is registered: NOTIFIER_REPORTS names the modules that hold them.")
    )
    return page(viewer, "/reports", "Reports", tag("section", shown, class_="card part"))


def _row(viewer: Viewer, one: ReportStands) -> Iterator[Child]:
    report = one.report
    yield lines(tag("strong", report.name), f"{report.schedule} {report.zone.key}", f"template {report.template}")
    yield lines(*(f"{at:%Y-%m-%d %H:%M %Z}" for at in islice(coming(report), NEXT)))
    yield lines(*(_open(viewer, period) for period in one.opened)) or "–"
    yield lines(*(_past(viewer, period) for period in one.past[:PAST])) or "–"


def _open(viewer: Viewer, one: OpenPeriod) -> Markup:
    if not one.failures:
        return tag("span", f"{one.period} ", badge("due"))
    failed = badge(f"failed {one.failures} times", "warning")
    return tag("span", f"{one.period} ", failed, " again at ", moment(one.due_at), f": {viewer.veil.words(one.why)}")


def _past(viewer: Viewer, one: PastPeriod) -> Markup:
    return tag("span", f"{one.period} ", badge(one.state, _TONE.get(one.state, "")), f" {viewer.veil.words(one.why)}")
