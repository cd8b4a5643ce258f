"""`notifier reschedule`: another time for waiting mails."""

from __future__ import annotations

from typing import Any

import click

from notifier.cli.as_json import as_json_option
from notifier.cli.choosing import Moment, choosing, chosen
from notifier.cli.telling import tell
from notifier.model.state import MailState
from notifier.tasks.operating import reschedule_all, ring_for_what_is_due


@click.command("reschedule")
@click.argument("mail_ids", nargs=-1, metavar="[MAIL_ID]...")
@choosing
@click.option("--all", "everything", is_flag=True, help="Every mail that waits.")
@click.option("--at", type=Moment(ahead=True), required=True, help="ISO 8601, or a span from now, such as 2h.")
@as_json_option
def command(mail_ids: tuple[str, ...], everything: bool, at: float, as_json: bool, **filters: Any) -> None:
    """Send mails that wait at another time. One that would expire before that stays as it is, and is told."""
    results = list(reschedule_all(chosen(mail_ids, [MailState.WAITING], everything, **filters), at))
    ring_for_what_is_due()
    tell(results, as_json=as_json)
