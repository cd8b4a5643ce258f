"""`notifier queue`: how deep the queues are, how old the oldest mail is, and how fast they are emptied."""

from __future__ import annotations

import json
import time
from collections.abc import Sequence

import click
from rich.console import Console
from rich.table import Table
from rich.text import Text

from notifier.cli.flow import Flow, QueueFlow, plain
from notifier.cli.numbers import Finite
from notifier.cli.overview import span
from notifier.errors import NotifierError
from notifier.tasks.overview import overview


@click.command("queue")
@click.argument("names", nargs=-1, metavar="[QUEUE]...")
@click.option("--watch", is_flag=True, help="Look again and again, until Ctrl-C.")
@click.option("--every", type=Finite(min=0.1), default=1.0, show_default=True, help="Seconds between two looks.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON for programs; with --watch, a line for each look.")
def command(names: tuple[str, ...], watch: bool, every: float, as_json: bool) -> None:
    """Tell how deep each queue is, how old its oldest mail is, and how many mails a second are sent.

    The rate is that of the time between two looks. Mails that are for later count as waiting, and are not old before they are due.
    """
    flow = Flow()
    try:
        flow.look(overview())
        while True:
            time.sleep(every)
            _tell(_chosen(flow.look(overview()), names), as_json=as_json, in_one_line=watch)
            if not watch:
                return
    except KeyboardInterrupt:
        if not watch:
            raise


def _chosen(flows: Sequence[QueueFlow], names: Sequence[str]) -> list[QueueFlow]:
    known = {one.queue for one in flows}
    if unknown := [name for name in names if name not in known]:
        there = ", ".join(sorted(known)) or "none"
        raise NotifierError(f"no queue {unknown[0]!r} has had a mail or a worker; there are: {there}")
    return [one for one in flows if not names or one.queue in names]


def _tell(flows: Sequence[QueueFlow], *, as_json: bool, in_one_line: bool) -> None:
    if as_json:
        click.echo(json.dumps(plain(flows), ensure_ascii=False, indent=None if in_one_line else 2))
    else:
        Console().print(table(flows) if flows else "no queue has had a mail yet")


def table(flows: Sequence[QueueFlow]) -> Table:
    """A line for each queue."""
    made = Table("queue", "depth", "oldest", "waiting", "in flight", "sent/s", "slots")
    for one in flows:
        oldest = "" if one.oldest is None else span(one.oldest)
        rate = "" if one.rate is None else f"{one.rate:.1f}"
        depth = Text(str(one.depth), "yellow" if one.depth and not one.slots else "")  # nobody is there to send them
        made.add_row(Text(one.queue), depth, oldest, str(one.waiting), str(one.in_flight), rate, str(one.slots))
    return made
