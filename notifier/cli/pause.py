"""`notifier pause KIND NAME`: nothing goes out by a queue, a relay or a tenant until it is resumed."""

from __future__ import annotations

import json

import click

from notifier.cli.as_json import as_json_option
from notifier.model.pause import KINDS, Pause
from notifier.settings.mx import MxDelivery
from notifier.tasks.runtime import runtime


@click.command("pause")
@click.argument("kind", type=click.Choice(KINDS), required=False)
@click.argument("name", required=False)
@click.option("--why", default="paused by a person", show_default=True, help="Shown to whoever asks.")
@as_json_option
def command(kind: str | None, name: str | None, why: str, as_json: bool) -> None:
    """Pause a queue, a relay (HOST:PORT) or a tenant; without arguments, list what is paused.

    Mails are taken in and wait; none fails for it and no attempt is spent. It takes effect within a second or two, and holds
    over restarts. Mails of a paused relay take another one, where there is one.
    """
    store = runtime().store
    if kind is not None:
        if not (name or "").strip():
            raise click.UsageError(f"which {kind}?")
        what = Pause(next(one for one in KINDS if one == kind), str(name))
        store.pause(what, why)
        _tell_of_an_unknown_name(what)
    found = store.pauses()
    if as_json:
        rows = [{"kind": what.kind, "name": what.name, "why": reason} for what, reason in sorted(found.items())]
        click.echo(json.dumps(rows, ensure_ascii=False, indent=2))
        return
    for what, reason in sorted(found.items()):
        click.echo(f"{what} is paused: {reason}")
    if not found:
        click.echo("nothing is paused")


def _tell_of_an_unknown_name(what: Pause) -> None:
    """A slip would hold up nothing. It is paused all the same: a worker may know more than this host."""
    known = _known(what)
    if known is not None and what.name not in known:
        click.echo(f"no {what.kind} {what.name!r} is known here; there are {', '.join(sorted(known))}", err=True)


def _known(what: Pause) -> set[str] | None:
    """Names of the kind; None where any may be one, for with ``mx://`` each recipient's server is a relay."""
    settings = runtime().settings
    if what.kind == "tenant":
        return set(settings.matrix.tenants)
    if what.kind == "queue":
        return {*runtime().store.queues(), *(one.queue for one in settings.classes.values())}
    if any(isinstance(account.relays, MxDelivery) for account in settings.accounts.values()):
        return None
    return {endpoint.name for endpoint in settings.endpoints}
