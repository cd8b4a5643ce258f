"""`delivery_report`: a report of Notifier's own, made of what its settlements have counted."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from datetime import UTC, timedelta

from notifier.errors import ConfigurationError
from notifier.reports.chart import bar_chart
from notifier.reports.delivery_figures import STATES, days_of, figures_of
from notifier.reports.files import csv_file
from notifier.reports.periods import Period
from notifier.reports.result import ReportResult
from notifier.store.tallies import Tally
from notifier.tasks.runtime import runtime

NAME = "notifier-delivery"
TEMPLATE = "delivery_report"
DAY = timedelta(days=1)


def delivery_report(period: Period) -> ReportResult:
    """What was sent, deferred (each time) and failed in the period's days, UTC, by template and domain. Raises `StoreUnavailable`.

    The chart needs the extra ``reports``; without it the template draws bars of its own.
    """
    store = runtime().store
    first = period.start.astimezone(UTC).date()
    last = max(first, period.end.astimezone(UTC).date() - DAY)  # the day in which it ends is the next report's
    span = last - first + DAY
    queues = store.queues()
    counts = store.tallies.of(queues, first, last)
    context = figures_of(counts, store.tallies.of(queues, first - span, first - DAY), first, last)
    table = csv_file(
        "delivery.csv",
        [(*row, count) for row, count in sorted(_summed(counts).items())],
        columns=("day", "template", "domain", "state", "count"),
    )
    try:
        days = days_of(counts, first, last)
        series = {state: [found[state] for _, found in days] for state in STATES}
        chart = bar_chart("days.png", [f"{day:%m-%d}" for day, _ in days], series)
    except ConfigurationError:
        return ReportResult(context, [table])
    return ReportResult({**context, "chart": chart.url}, [table, chart])


def _summed(counts: Sequence[Tally]) -> Counter[tuple[str, str, str, str]]:
    """Of all queues."""
    found = Counter[tuple[str, str, str, str]]()
    for one in counts:
        found[one.day.isoformat(), one.template, one.domain, one.state] += one.count
    return found
