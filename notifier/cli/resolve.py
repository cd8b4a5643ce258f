"""`notifier resolve ID… sent|resend`: a person's word on mails of which nobody knows whether they arrived."""

from __future__ import annotations

import click

from notifier.cli.telling import tell
from notifier.tasks.operating import declare_sent, requeue, ring_for_what_is_due


@click.command("resolve")
@click.argument("mail_ids", nargs=-1, required=True, metavar="MAIL_ID...")
@click.argument("outcome", type=click.Choice(["sent", "resend"]))
@click.option("--why", default="resolved by a person", show_default=True, help="The evidence, for the history.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON for programs.")
def command(mail_ids: tuple[str, ...], outcome: str, why: str, as_json: bool) -> None:
    """Decide on mails that are parked or wait for proof: the relay's last word was lost (RFC 1047).

    sent: there is evidence that they arrived, such as the relay's log. resend: send them once more; who has them already gets
    them twice.
    """
    results = list((declare_sent if outcome == "sent" else requeue)(mail_ids, why=why))
    ring_for_what_is_due()
    tell(results, as_json=as_json)
