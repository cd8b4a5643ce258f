"""Reports of an application: those that REPORTING names. Each run of a function is a line in the file REPORTING_FILE."""

from __future__ import annotations

import os
import signal
from datetime import timedelta
from pathlib import Path
from typing import Any

from notifier import report
from notifier.reports import Period, ReportResult, bar_chart, csv_file
from notifier.tasks import report_sending

FILE = Path(os.environ["REPORTING_FILE"])
WANTED = os.environ["REPORTING"].split()
RECIPIENTS = [f"u{number}@example.com" for number in range(5)]
EVERY = timedelta(seconds=2)
WORDS = ("zoe", "in", "the", "words")  # joined where they are raised, for a traceback shows the line


class Broken(Exception):
    """No words of it may be told."""


def write_down(name: str, period: Period) -> None:
    with FILE.open("a", encoding="utf-8") as file:
        file.write(f"{name} {period.key}\n")


def once(name: str) -> bool:
    """True for the first of all processes that asks."""
    try:
        (FILE.parent / f"once-{name}").touch(exist_ok=False)
    except FileExistsError:
        return False
    return True


def tick(period: Period) -> dict[str, Any]:
    write_down("tick", period)
    return {"name": period.key}


def flaky(period: Period) -> dict[str, Any]:
    write_down("flaky", period)
    if once("flaky"):
        raise ConnectionError("-".join(WORDS))
    return {"name": period.key}


def broken(period: Period) -> dict[str, Any]:
    write_down("broken", period)
    raise Broken("-".join(WORDS))


def deadly(period: Period) -> dict[str, Any] | None:
    """Its first period, whoever takes it up again."""
    write_down("deadly", period)
    victim = FILE.parent / "deadly"
    if once("deadly"):
        victim.write_text(period.key)
    if victim.read_text() == period.key:
        os.kill(os.getpid(), signal.SIGKILL)
    return None


def charted(period: Period) -> ReportResult:
    chart = bar_chart("days.png", ["Mon", "Tue"], {"orders": [3, 5]})
    return ReportResult({"name": period.key}, [chart, csv_file("orders.csv", [("Zoë", 3)])])


def killed_between_recipients(*given: Any) -> Any:
    """The second mail is in the store, and nobody has written down that it is."""
    found = enqueue(*given)
    if (FILE.parent / "first").exists() and once("killed"):
        os.kill(os.getpid(), signal.SIGKILL)
    (FILE.parent / "first").touch()
    return found


enqueue = report_sending.enqueue
if "killed" in WANTED:
    report_sending.CHUNK = 1
    report_sending.enqueue = killed_between_recipients

for function in (tick, flaky, broken, deadly, charted):
    if function.__name__ in WANTED:
        report(function.__name__, schedule=EVERY, recipients=RECIPIENTS, template="welcome", catch_up="all")(function)
