"""`notifier resume KIND NAME`: the end of a pause."""

from __future__ import annotations

import json

import click

from notifier.cli.as_json import as_json_option
from notifier.model.pause import KINDS, Pause
from notifier.tasks.operating import ring_for_what_is_due
from notifier.tasks.runtime import runtime


@click.command("resume")
@click.argument("kind", type=click.Choice(KINDS))
@click.argument("name")
@as_json_option
def command(kind: str, name: str, as_json: bool) -> None:
    """Let a queue, a relay or a tenant go on; what has waited for it is due now."""
    what = Pause(next(one for one in KINDS if one == kind), name)
    store = runtime().store
    known = what in store.pauses()
    released = store.resume(what)
    ring_for_what_is_due()
    if as_json:
        click.echo(json.dumps({"kind": kind, "name": name, "was_paused": known, "released": released}))
    else:
        click.echo(f"{what} goes on" if known else f"{what} was not paused")
