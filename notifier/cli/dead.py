"""`notifier dead`: the dead letters. What failed for good, expired, or crashed its worker waits here for a person."""

from __future__ import annotations

from typing import Any

import click

from notifier.cli.as_json import as_json_option
from notifier.cli.choosing import choosing, chosen
from notifier.cli.listing import list_mails
from notifier.cli.status import print_status
from notifier.cli.telling import tell
from notifier.errors import InvalidAddress
from notifier.model.address import Address
from notifier.model.state import DEAD, MailState
from notifier.settings.parsers import rate
from notifier.tasks.operating import Done, Selection, discard, readdress, requeue, ring_for_what_is_due, selected
from notifier.tasks.result import status

STATES = tuple(sorted(DEAD))
LONGEST = 10 * 366 * 86400  # seconds; no mail is accepted for later than that either
_all = click.option("--all", "everything", is_flag=True, help="Every dead letter.")


@click.group("dead")
def command() -> None:
    """List, show, requeue and discard dead letters."""


@command.command("list")
@choosing
@click.option("--state", type=click.Choice([str(state) for state in STATES]), help="Only those in this state.")
@click.option("--limit", type=click.IntRange(min=1), default=100, show_default=True, help="At most so many.")
@as_json_option
def list_(state: str | None, limit: int, as_json: bool, **filters: Any) -> None:
    """List dead letters, oldest first."""
    states = (MailState(state),) if state else STATES
    found = list(selected(Selection(states, **filters), limit))
    list_mails(found, "no dead letters", as_json=as_json)


@command.command("show")
@click.argument("mail_id")
@as_json_option
def show(mail_id: str, as_json: bool) -> None:
    """Show one mail with its whole history and every reply. Its context is never shown."""
    print_status(status(mail_id), as_json=as_json)


@command.command("requeue")
@click.argument("mail_ids", nargs=-1, metavar="[MAIL_ID]...")
@choosing
@_all
@click.option("--rate", "per_second", metavar="RATE", help="One after the other: mails a second, or such as 100/min.")
@click.option("--to", "changes", multiple=True, metavar="OLD=NEW", help="Another address for a recipient (one mail).")
@click.option("--why", default="requeued by a person", show_default=True, help="For the history.")
@as_json_option
def requeue_(  # noqa: PLR0917 - click passes each option by its name
    mail_ids: tuple[str, ...],
    everything: bool,
    per_second: str | None,
    changes: tuple[str, ...],
    why: str,
    as_json: bool,
    **filters: Any,
) -> None:
    """Send mails once more, to all who have not accepted them; their time and counters begin anew, their id stays."""
    if changes and per_second is not None:
        raise click.UsageError("--to edits one mail, which has no --rate")
    at_most = _rate(per_second)
    ids = chosen(mail_ids, STATES, everything, **filters)
    if at_most and len(ids) / at_most > LONGEST:
        raise click.UsageError(f"--rate {per_second}: the last of {len(ids)} mails would wait for over ten years")
    results = [_readdressed(ids, changes, why)] if changes else list(requeue(ids, why=why, per_second=at_most))
    ring_for_what_is_due()
    tell(results, as_json=as_json)


@command.command("discard")
@click.argument("mail_ids", nargs=-1, metavar="[MAIL_ID]...")
@choosing
@_all
@click.option("--why", default="discarded by a person", show_default=True, help="For the history.")
@as_json_option
def discard_(mail_ids: tuple[str, ...], everything: bool, why: str, as_json: bool, **filters: Any) -> None:
    """Never send these mails. What they say is deleted; their ids and histories stay for NOTIFIER_RETENTION."""
    tell(discard(chosen(mail_ids, STATES, everything, **filters), why=why), as_json=as_json)


def _rate(text: str | None) -> float | None:
    try:
        return None if text is None else rate(text)
    except ValueError as error:
        raise click.BadParameter(f"--rate {error}") from None


def _readdressed(ids: list[str], changes: tuple[str, ...], why: str) -> Done:
    if len(ids) != 1:
        raise click.UsageError("--to edits one mail; name its id")
    try:
        edits = {old: Address.parse(new) for old, _, new in (one.partition("=") for one in changes)}
    except InvalidAddress as error:
        raise click.BadParameter(f"--to is written OLD=NEW: {error}") from None
    return readdress(ids[0], edits, why=why)
