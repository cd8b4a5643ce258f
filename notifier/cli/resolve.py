"""`notifier resolve`: a person's word, or a report's, on mails of which nobody knows whether they arrived."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from notifier.cli.as_json import as_json_option
from notifier.cli.choosing import choosing
from notifier.cli.listing import list_mails
from notifier.cli.telling import tell
from notifier.model.state import MailState
from notifier.tasks.operating import (
    Done,
    Selection,
    declare_sent,
    requeue,
    ring_for_what_is_due,
    selected,
    take_report,
)

OPEN = (MailState.PARKED, MailState.UNKNOWN)


@click.command("resolve")
@click.argument("mail_ids", nargs=-1, metavar="[MAIL_ID]...")
@click.argument("outcome", type=click.Choice(["sent", "resend"]), required=False)
@click.option(
    "--dsn",
    "reports",
    multiple=True,
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="In place of ids: a delivery status notification (RFC 3464) about one mail, as a file. May be given several times.",
)
@choosing
@click.option("--limit", type=click.IntRange(min=1), default=100, show_default=True, help="Of mails listed.")
@click.option("--why", default="resolved by a person", show_default=True, help="The evidence, for the history.")
@as_json_option
def command(  # noqa: PLR0917 - click passes each option by its name
    mail_ids: tuple[str, ...],
    outcome: str | None,
    reports: tuple[Path, ...],
    limit: int,
    why: str,
    as_json: bool,
    **filters: Any,
) -> None:
    """Decide on mails that are parked or wait for proof: the relay's last word was lost (RFC 1047).

    sent: there is evidence that they arrived, such as the relay's log. resend: send them once more; who has them already gets
    them twice. With --dsn the report decides for the recipients that it names; see that it is from your own relay. Without
    any of these, list the mails that wait for it.
    """
    decides = bool(reports) + (outcome is not None)
    if decides > 1 or (outcome is not None and not mail_ids):
        raise click.UsageError("name mails by their ids and say sent or resend, or give reports by --dsn, and not both")
    if decides and any(value is not None for value in filters.values()):
        raise click.UsageError("--queue and the other filters are for the list; decide on mails by their ids")
    if not decides:
        list_mails(list(selected(Selection(OPEN, **filters), limit)), "no mail waits for a person", as_json=as_json)
        return
    results = [_reported(path) for path in reports] or list(
        (declare_sent if outcome == "sent" else requeue)(mail_ids, why=why)
    )
    ring_for_what_is_due()
    tell(results, as_json=as_json)


def _reported(path: Path) -> Done:
    try:
        return take_report(path.read_bytes())
    except ValueError as error:
        raise click.BadParameter(f"{path} {error}") from None
