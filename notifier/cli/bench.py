"""`notifier bench`: how fast the parts of this installation are, each by itself."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import asdict

import click
from rich.console import Console
from rich.table import Table
from rich.text import Text

from notifier.cli.as_json import as_json_option
from notifier.cli.bench_parts import Figure, Letter, composing, relaying, sending, storing
from notifier.cli.contexts import json_object
from notifier.errors import InvalidAddress, NotifierError
from notifier.model.address import Address
from notifier.settings.relay import ManyProblems, parse_relay
from notifier.smtp import Endpoint
from notifier.tasks.runtime import Runtime, runtime

NOBODY = "nobody@bench.invalid"  # RFC 6761 section 6.4: no such domain is anybody's
MOST_REAL = 1_000


@click.command("bench")
@click.argument("template", default="welcome")
@click.option("--sample", metavar="NAME", help="A sample of the template's meta.json.  [default: the first]")
@click.option("--context", metavar="JSON", help="A context in place of a sample.")
@click.option("--locale", metavar="LOCALE", help="The mail's language.")
@click.option(
    "--seconds", type=click.FloatRange(0.1, 60), default=2.0, show_default=True, help="For each part, at the most."
)
@click.option("--relay", metavar="URL", help="Send real mails by this relay, to --to.")
@click.option("--to", metavar="ADDRESS", help="Who gets them.")
@click.option("--count", type=click.IntRange(1, MOST_REAL), default=10, show_default=True, help="How many mails.")
@as_json_option
def command(  # noqa: PLR0917 - click passes by keyword
    template: str,
    sample: str | None,
    context: str | None,
    locale: str | None,
    seconds: float,
    relay: str | None,
    to: str | None,
    count: int,
    as_json: bool,
) -> None:
    """Measure this installation: TEMPLATE rendered and composed, the store's answers and its disk, SMTP on the loopback.

    No mail leaves this host but with --relay, and the ledger is not touched. Each part stands by itself, in one process: what a worker does
    with all of them together is slower than the slowest, and on other processors at the same time.
    """
    if (relay is None) != (to is None):
        raise click.UsageError("--relay and --to belong together: real mails go to somebody")
    endpoint = None if relay is None else _endpoint(relay)
    mine, address = runtime(), _address(to or NOBODY)
    letter = Letter(template, _context(mine, template, sample, context), locale, address)
    figures = list(_figures(mine, letter, seconds, endpoint, count))
    if as_json:
        click.echo(json.dumps([asdict(one) for one in figures], ensure_ascii=False, indent=2))
    else:
        Console().print(_table(figures))


def _figures(mine: Runtime, letter: Letter, seconds: float, endpoint: Endpoint | None, count: int) -> Iterator[Figure]:
    for part in (composing, storing, sending):
        yield from part(mine, letter, seconds)
    if endpoint is not None:
        yield from relaying(mine, letter, endpoint, count)


def _endpoint(url: str) -> Endpoint:
    try:
        return parse_relay(url).endpoint
    except ManyProblems as error:
        raise click.BadParameter(f"--relay: {'; '.join(error.problems)}") from None
    except ValueError as error:
        raise click.BadParameter(f"--relay {error}") from None


def _address(text: str) -> Address:
    try:
        return Address.parse(text)
    except InvalidAddress as error:
        raise click.BadParameter(f"--to: {error}") from None


def _context(mine: Runtime, template: str, sample: str | None, given: str | None) -> dict[str, object]:
    samples = mine.renderer.metadata(template).samples
    if given is not None:
        return json_object(given)
    if sample is not None and sample not in samples:
        raise NotifierError(
            f"template {template!r} has no sample {sample!r}; there are: {', '.join(samples) or 'none'}"
        )
    name = sample or next(iter(samples), None)
    if name is None:
        raise NotifierError(f"template {template!r} has no samples in its meta.json: say --context JSON")
    return dict(samples[name])


def _table(figures: list[Figure]) -> Table:
    table = Table("what", "found", "")
    table.columns[1].justify = "right"
    for one in figures:
        shown = f"{one.value:,.2f}" if one.value < 100 else f"{one.value:,.0f}"
        table.add_row(*map(Text, (one.what, shown, one.unit)))
    return table
