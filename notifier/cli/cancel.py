"""`notifier cancel`: take waiting mails back."""

from __future__ import annotations

from typing import Any

import click

from notifier.cli.as_json import as_json_option
from notifier.cli.choosing import choosing, chosen
from notifier.cli.telling import tell
from notifier.model.state import MailState
from notifier.tasks.operating import cancel_all


@click.command("cancel")
@click.argument("mail_ids", nargs=-1, metavar="[MAIL_ID]...")
@choosing
@click.option("--all", "everything", is_flag=True, help="Every mail that waits.")
@as_json_option
def command(mail_ids: tuple[str, ...], everything: bool, as_json: bool, **filters: Any) -> None:
    """Take mails back that wait. One that a worker has already is left as it is, and its state is told."""
    tell(cancel_all(chosen(mail_ids, [MailState.WAITING], everything, **filters)), as_json=as_json)
