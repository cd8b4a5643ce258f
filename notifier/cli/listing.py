"""Mails in a table, or as JSON: the dead, and those that wait for a person."""

from __future__ import annotations

import json
from collections.abc import Sequence

import click
from rich.console import Console
from rich.table import Column, Table
from rich.text import Text

from notifier.cli.status import moment, plain
from notifier.store.base import MailStatus


def list_mails(found: Sequence[MailStatus], nothing: str, *, as_json: bool) -> None:
    """``nothing``: what is said where there is none."""
    if as_json:
        click.echo(json.dumps([plain(mail) for mail in found], ensure_ascii=False, indent=2))
        return
    Console().print(_table(found) if found else nothing)


def _table(mails: Sequence[MailStatus]) -> Table:
    whole = Column("id", no_wrap=True, min_width=36)  # on any terminal: it is what every command asks for
    table = Table("created", whole, "state", "template", "recipients", "what was said")
    for mail in mails:
        fault = mail.last_fault
        why = str(fault) if fault else str(mail.history[-1].get("why", "")) if mail.history else ""
        shown = ", ".join(list(mail.recipients)[:3]) + (", …" if len(mail.recipients) > 3 else "")
        table.add_row(
            moment(mail.created_at), mail.mail_id, mail.state, Text(mail.template or ""), Text(shown), Text(why)
        )
    return table
