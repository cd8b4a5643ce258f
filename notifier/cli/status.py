"""`notifier status [ID]`: where a mail stands, and how it came there; without an id, how all queues stand."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import click
from rich.console import Console
from rich.table import Table
from rich.text import Text

from notifier.cli import epochs
from notifier.cli.as_json import as_json_option
from notifier.cli.overview import print_overview
from notifier.store.base import MailStatus
from notifier.tasks.overview import overview, recent_changes
from notifier.tasks.result import status
from notifier.tasks.runtime import runtime


@click.command("status")
@click.argument("mail_id", required=False)
@as_json_option
def command(mail_id: str | None, as_json: bool) -> None:
    """Tell where the mail MAIL_ID stands: its state, its recipients, its history.

    Without MAIL_ID, tell how all stands: each queue's mails, the workers with their versions, what is paused, which relays are left
    in peace, and what happened to the store in the last day.
    """
    for change in recent_changes(runtime().store):
        click.echo(f"notifier: the store was {epochs.told(change)}", err=True)
    if mail_id is None:
        print_overview(overview(), as_json=as_json)
    else:
        print_status(status(mail_id), as_json=as_json)


def print_status(found: MailStatus, *, as_json: bool) -> None:
    """All that the ledger tells of a mail."""
    if as_json:
        click.echo(json.dumps(plain(found), ensure_ascii=False, indent=2))
        return
    console = Console()
    console.print(_summary(found))
    if found.history:
        console.print(_history(found))


def plain(found: MailStatus) -> dict[str, Any]:
    """The same as JSON."""
    return {
        "id": found.mail_id,
        "state": found.state,
        "queue": found.queue,
        "template": found.template,
        "mail_class": found.mail_class,
        "recipients": dict(found.recipients),
        "created_at": found.created_at,
        "due_at": found.due_at,
        "attempt": found.attempt,
        "crashes": found.crashes,
        "unknowns": found.unknowns,
        "setbacks": found.setbacks,
        "history": [dict(entry) for entry in found.history],
    }


def moment(seconds: float) -> str:
    """For people."""
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%d %H:%M:%S UTC")


def _summary(found: MailStatus) -> Table:
    table = Table(show_header=False, box=None, title=f"mail {found.mail_id}", title_justify="left")
    table.add_row("state", Text(found.state, "bold"))
    table.add_row("queue", Text(found.queue))
    table.add_row("template", Text(f"{found.template or 'a message of its own'} (class {found.mail_class})"))
    table.add_row("created", moment(found.created_at))
    if found.due_at is not None:
        table.add_row("due", moment(found.due_at))
    counted = f"{found.crashes} crashes, {found.unknowns} unknown, {found.setbacks} connections lost before them"
    table.add_row("attempts", f"{found.attempt} ({counted})")
    for path, state in found.recipients.items():
        table.add_row("recipient", Text(f"{path}: {state}"))
    return table


def _history(found: MailStatus) -> Table:
    table = Table("at", "state", "attempt", "relay", "what was said")
    for entry in found.history:
        fault = entry.get("fault") or {}
        told = " ".join(str(fault[key]) for key in ("taxonomy_id", "code", "enhanced", "text") if fault.get(key))
        words = entry.get("reply") or told or str(entry.get("why") or "")
        table.add_row(
            moment(float(entry["at"])),
            str(entry["state"]),
            str(entry.get("attempt", "")),
            str(entry.get("relay") or ""),
            Text(words),  # the server's: markup means nothing in them
        )
    return table
