"""`notifier top`: queues, relays and workers, live in the terminal."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator

import click
from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.table import Table
from rich.text import Text

from notifier.cli.flow import Flow, QueueFlow, plain
from notifier.cli.keys import pressed, single_keys
from notifier.cli.numbers import Finite
from notifier.cli.overview import as_plain, span, workers_table
from notifier.cli.queue import table as queues_table
from notifier.errors import NotifierError
from notifier.tasks.overview import Overview, overview
from notifier.tasks.runtime import runtime

END = ("q", "Q")


@click.command("top")
@click.option("--every", type=Finite(min=0.1), default=2.0, show_default=True, help="Seconds between two looks.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON for programs, once.")
def command(every: float, as_json: bool) -> None:
    """Watch queues with their rates, relays with their breakers, and workers; q ends it. Without a terminal, print it once."""
    flow = Flow()
    if as_json:
        found = overview()
        click.echo(json.dumps({**as_plain(found), "queues": plain(flow.look(found))}, ensure_ascii=False, indent=2))
    elif sys.stdin.isatty() and sys.stdout.isatty():
        _watch(flow, every)
    else:
        Console().print(_view(flow))


def _watch(flow: Flow, every: float) -> None:
    view = _view(flow)  # a store that is away from the beginning is an error; one that goes away is shown
    try:
        with single_keys(), Live(view, screen=True, auto_refresh=False) as live:
            while pressed(every) not in END:
                live.update(_view_or_fault(flow), refresh=True)
    except KeyboardInterrupt:
        return


def _view_or_fault(flow: Flow) -> RenderableType:
    try:
        return _view(flow)
    except NotifierError as error:
        return Text(str(error), "red")


def _view(flow: Flow) -> RenderableType:
    found = overview()
    flows = flow.look(found)
    return Group(
        _headline(found, flows),
        queues_table(flows),
        _relays(found),
        workers_table(found.workers) if found.workers else Text("no worker lives", "red"),
        *(Text(f"{what} is paused: {why}", "yellow") for what, why in sorted(found.pauses.items())),
    )


def _headline(found: Overview, flows: list[QueueFlow]) -> Text:
    rate = sum(one.rate or 0.0 for one in flows)
    depth = sum(one.depth for one in flows)
    return Text(f"{depth} mails to send, {rate:.1f} sent a second, {len(found.workers)} workers; q ends", "bold")


def _relays(found: Overview) -> Table:
    table = Table("relay", "breaker", "why")
    for name, state, why in _breakers(found):
        table.add_row(Text(name), Text(state, "red" if why else "green"), Text(why))
    return table


def _breakers(found: Overview) -> Iterator[tuple[str, str, str]]:
    """A line for each that is open, and for each relay of which none is."""
    opened = {name for name, _ in found.breakers}
    for name, one in found.breakers:
        yield name, f"open ({one.about}), {span(one.wait)} yet" if one.wait else f"half-open ({one.about})", one.why
    for name in dict.fromkeys(endpoint.name for endpoint in runtime().settings.endpoints):
        if name not in opened:
            yield name, "closed", ""
