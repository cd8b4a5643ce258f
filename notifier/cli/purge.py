"""`notifier purge RECIPIENT`: what is kept of the mails to a person goes."""

from __future__ import annotations

import json

import click

from notifier.cli.as_json import as_json_option
from notifier.model.address import Address
from notifier.store.base import Purged
from notifier.tasks.runtime import runtime


@click.command("purge")
@click.argument("recipient")
@as_json_option
def command(recipient: str, as_json: bool) -> None:
    """Remove what is kept of ended mails to RECIPIENT.

    Addresses, contents, attachments and servers' words go; dead letters to RECIPIENT are discarded. What stays says of
    nobody that he was mailed: ids, states, times, and the digests that keep the same call from sending twice. Mails that are
    on their way stay and are named: cancel them, or purge again when they have ended. The outbox of a Django project has
    addresses, too: manage.py notifier_outbox forget RECIPIENT.
    """
    store = runtime().store
    path = Address.parse(recipient).forward_path
    done = store.purge(path)
    suppressed = bool(store.suppressed([path]))
    if as_json:
        click.echo(json.dumps(_plain(done, suppressed), ensure_ascii=False, indent=2))
        return
    click.echo(f"{len(done.purged)} ended mails purged, {len(done.discarded)} dead letters discarded and purged")
    if done.busy:
        click.echo(f"{len(done.busy)} still on their way, and left alone: {', '.join(done.busy)}")
    if suppressed:
        click.echo("the address stays on the suppression list, so that it is not mailed (notifier suppress remove)")


def _plain(done: Purged, suppressed: bool) -> dict[str, object]:
    return {
        "address": done.address,
        "purged": list(done.purged),
        "discarded": list(done.discarded),
        "still_on_their_way": list(done.busy),
        "suppressed": suppressed,
    }
