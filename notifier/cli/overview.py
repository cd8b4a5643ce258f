"""How everything stands, in words: a table with a line for each queue, and what holds mail up."""

from __future__ import annotations

import json
import time
from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

import click
from rich.console import Console
from rich.table import Table
from rich.text import Text

from notifier.model.breaker import Opened
from notifier.model.pause import Pause
from notifier.model.state import DEAD, MailState
from notifier.model.worker import WorkerRecord
from notifier.tasks.overview import Overview, QueueStands

IN_WORK = (MailState.CLAIMED, MailState.AT_DOT)


def print_overview(found: Overview, *, as_json: bool) -> None:
    """The whole of it; dead letters and what is in work as one number each, and as JSON apart."""
    if as_json:
        click.echo(json.dumps(as_plain(found), ensure_ascii=False, indent=2))
        return
    console = Console()
    console.print(_table(found) if found.queues else "no queue has had a mail yet")
    if found.workers:
        console.print(workers_table(found.workers))
    for what, why in sorted(found.pauses.items()):
        console.print(Text(f"{what} is paused: {why}"))
    for relay, one in found.breakers:
        console.print(Text(f"mails for {relay} wait, {_until(one)} ({one.about}): {one.why}"))


def _table(found: Overview) -> Table:
    table = Table("queue", "slots", "waiting", "first due", "in work", "unknown", "parked", "dead", "sent")
    for one in found.queues:
        counts = one.counts
        work, dead = sum(counts[state] for state in IN_WORK), sum(counts[state] for state in DEAD)
        unknown, parked = counts[MailState.UNKNOWN], counts[MailState.PARKED]
        numbers = map(str, (work, unknown, parked, dead, counts[MailState.SENT]))
        name = Text(one.queue, "yellow" if Pause("queue", one.queue) in found.pauses else "")
        table.add_row(name, str(one.slots), str(counts[MailState.WAITING]), _due(one), *numbers)
    return table


def workers_table(found: Sequence[WorkerRecord]) -> Table:
    """A line for each worker."""
    table = Table("worker", "version", "state", "queues", "slots", "busy", "pool", "up for")
    for one in found:
        told = (f"{one.name} ({one.pid})", one.version, one.state, " ".join(one.queues))
        numbers = (str(one.concurrency), str(one.busy), one.pool_kind, span(time.time() - one.started_at))
        table.add_row(*map(Text, (*told, *numbers)))
    return table


def _due(one: QueueStands) -> str:
    if one.first_due_at is None:
        return ""
    seconds = one.first_due_at - time.time()
    return f"in {span(seconds)}" if seconds > 0 else f"{span(-seconds)} ago"


def _until(one: Opened) -> str:
    return f"{span(one.wait)} yet" if one.wait else "for one that is tried now"


def span(seconds: float) -> str:
    """For people, in one unit."""
    for unit, length in (("d", 86400), ("h", 3600), ("min", 60)):
        if seconds >= length:
            return f"{seconds / length:.1f} {unit}"
    return f"{seconds:.0f} s"


def as_plain(found: Overview) -> dict[str, Any]:
    """As JSON."""
    return {
        "queues": [
            {"queue": one.queue, "slots": one.slots, "first_due_at": one.first_due_at, "counts": dict(one.counts)}
            for one in found.queues
        ],
        "pauses": [{"kind": what.kind, "name": what.name, "why": why} for what, why in sorted(found.pauses.items())],
        "breakers": [{"relay": relay, **one._asdict()} for relay, one in found.breakers],
        "changes": [asdict(change) for change in found.changes],
        "workers": [asdict(worker) for worker in found.workers],
    }
