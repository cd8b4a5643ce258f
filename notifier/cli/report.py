"""`notifier report`: which reports there are, when they are due, and one of them now."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from itertools import islice
from pathlib import Path
from typing import Any

import click
from rich.console import Console
from rich.table import Table
from rich.text import Text

from notifier.cli.as_json import as_json_option
from notifier.cli.choosing import Moment
from notifier.errors import NotifierError
from notifier.store.reports import OpenPeriod
from notifier.tasks.report_overview import (
    ReportStands,
    all_reports,
    coming,
    last_period,
    report_named,
    reports_stand,
    run_for,
    run_now,
)

MOMENT = "%Y-%m-%d %H:%M %Z"


@click.group("report")
def command() -> None:
    """Reports that are sent by a schedule: list them, tell when they are due, send one now.

    They are registered by modules that NOTIFIER_REPORTS names, found from here as Python finds modules.
    """
    here = str(Path.cwd())
    if here not in sys.path:  # as `celery -A worker` does
        sys.path.insert(0, here)


@command.command("list")
@as_json_option
def list_reports(as_json: bool) -> None:
    """Show every report: when it is due next, what is open, and what became of its last period."""
    found = list(reports_stand())
    if as_json:
        click.echo(json.dumps([_plain(one) for one in found], ensure_ascii=False, indent=2))
        return
    table = Table("report", "schedule", "next", "open", "last")
    for one in found:
        schedule = f"{one.report.schedule} {one.report.zone.key}"
        table.add_row(one.report.name, schedule, one.next_at.strftime(MOMENT), Text(_open(one)), _last(one))
    Console().print(table if found else "no report is registered; NOTIFIER_REPORTS names the modules that hold them")


@command.command("next")
@click.argument("name", required=False)
@click.option("--count", type=click.IntRange(1, 1000), default=5, show_default=True, help="How many times.")
@as_json_option
def next_times(name: str | None, count: int, as_json: bool) -> None:
    """Tell when the report NAME is due, or all of them."""
    reports = all_reports() if name is None else [report_named(name)]
    times = sorted((moment, one.name) for one in reports for moment in islice(coming(one), count))[:count]
    if as_json:
        rows = [{"report": report, "at": moment.isoformat()} for moment, report in times]
        click.echo(json.dumps(rows, ensure_ascii=False, indent=2))
        return
    for moment, report in times:
        click.echo(f"{moment.strftime(MOMENT)}  {report}")


@command.command("run")
@click.argument("name")
@click.option(
    "--period", "at", type=Moment(), help="The last period before: ISO 8601, or a span before now, such as 7d."
)
@click.option(
    "--to", "recipients", multiple=True, metavar="ADDRESS", help="To this address and nobody else, for a try."
)
@as_json_option
def run(name: str, at: float | None, recipients: tuple[str, ...], as_json: bool) -> None:
    """Send the last period of the report NAME now: to those who have not had it. Exit status 1 where it cannot be sent.

    With --to it goes to somebody else, and it is not remembered that it went.
    """
    report = report_named(name)
    period = last_period(report, None if at is None else datetime.fromtimestamp(at, UTC))
    if recipients:
        ids = run_for(report, period, recipients)
        _tell({"report": name, "period": period.key, "mails": ids}, f"{period}: {' '.join(ids) or 'no mail'}", as_json)
        return
    done = run_now(report, period)
    if done is None or isinstance(done, OpenPeriod) or done.state == "failed":
        raise NotifierError(f"{name} of {period} was not sent: {'it is on its way' if done is None else done.why}")
    _tell({"report": name, **asdict(done)}, f"{period}: {done.state} {done.why}", as_json)


def _tell(found: dict[str, Any], words: str, as_json: bool) -> None:
    click.echo(json.dumps(found, ensure_ascii=False, indent=2) if as_json else words)


def _open(one: ReportStands) -> str:
    return "\n".join(_of_open(period) for period in one.opened)


def _of_open(one: OpenPeriod) -> str:
    at = datetime.fromtimestamp(one.due_at, UTC).strftime(MOMENT)
    return (
        f"{one.period}: failed {one.failures} times, again at {at} ({one.why})"
        if one.failures
        else f"{one.period}: due"
    )


def _last(one: ReportStands) -> Text:
    if not one.past:
        return Text("")
    last = one.past[0]
    return Text(f"{last.period}: {last.state} {last.why}", "red" if last.state == "failed" else "")


def _plain(one: ReportStands) -> dict[str, Any]:
    opened: Sequence[Any] = one.opened
    return {
        "report": one.report.name,
        "schedule": str(one.report.schedule),
        "timezone": one.report.zone.key,
        "next_at": one.next_at.isoformat(),
        "open": [asdict(period) for period in opened],
        "past": [asdict(period) for period in one.past],
    }
