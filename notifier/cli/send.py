"""`notifier send TEMPLATE`: one mail, or one for each row of a CSV file."""

from __future__ import annotations

import csv
import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click
from rich.console import Console
from rich.progress import track

from notifier.cli.as_json import as_json_option
from notifier.cli.contexts import json_object
from notifier.errors import InvalidMail, NotifierError
from notifier.tasks.app import app
from notifier.tasks.bulk import BulkRow, send_bulk
from notifier.tasks.result import MailResult
from notifier.tasks.send import send_email

RESERVED = ("to", "idempotency_key", "locale")  # columns that are not context


@click.command("send")
@click.argument("template")
@click.option("--to", multiple=True, metavar="ADDRESS", help="A recipient; may be given several times.")
@click.option("--context", metavar="JSON", help='The template\'s context, for example \'{"name": "Zoë"}\'.')
@click.option(
    "--csv", "csv_file", type=click.Path(path_type=Path), help="One mail a row: a column 'to', others context."
)
@click.option("--attach", multiple=True, metavar="FILE", help="A file to go along; may be given several times.")
@click.option("--sender", metavar="ADDRESS", help="From; the default is the template's, then NOTIFIER_FROM.")
@click.option("--class", "mail_class", metavar="NAME", help="Mail class: otp, transactional, report, bulk.")
@click.option("--key", metavar="TEXT", help="Idempotency key; with --csv its prefix, the line number follows.")
@click.option("--wait", type=float, metavar="SECONDS", help="Wait for the end of a single mail and tell it.")
@click.option("--skip-invalid", is_flag=True, help="With --csv: leave wrong rows out instead of sending nothing.")
@as_json_option
def command(  # noqa: PLR0917 - click passes by keyword
    template: str,
    to: tuple[str, ...],
    context: str | None,
    csv_file: Path | None,
    attach: tuple[str, ...],
    sender: str | None,
    mail_class: str | None,
    key: str | None,
    wait: float | None,
    skip_invalid: bool,
    as_json: bool,
) -> None:
    """Enqueue TEMPLATE for --to ADDRESS, or for every row of --csv FILE; prints the mails' ids."""
    common: dict[str, Any] = {"template": template, **({"sender": sender} if sender else {})}
    shared = json_object(context)
    files = [{"path": path} for path in attach]
    if csv_file is None:
        if not to:
            raise click.UsageError("give --to ADDRESS (or --csv FILE)")
        if mail_class:
            common["mail_class"] = mail_class
        call = {**common, "to": list(to), "context": shared, "attachments": files, "idempotency_key": key}
        result = send_email.delay(**call)
        _tell(result.id, wait, as_json=as_json)
        return
    if to:
        raise click.UsageError("--csv has its recipients in the column 'to'; leave --to out")
    rows = list(_recipients(csv_file, key))
    recipients = track(rows, "checking", console=Console(stderr=True), transient=True)
    sent = send_bulk(
        recipients=recipients,
        mail_class=mail_class or "bulk",
        skip_invalid=skip_invalid,
        context=shared,
        attachments=files,
        **common,
    )
    _tell_bulk(sent, as_json=as_json)


def _recipients(path: Path, key: str | None) -> Iterator[dict[str, Any]]:
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            reader = csv.DictReader(file, strict=True)
            if "to" not in (reader.fieldnames or ()):
                raise InvalidMail(f"{path} needs a column named 'to'; its first line has: {reader.fieldnames}")
            for row in reader:
                yield _recipient(row, path, reader.line_num, key)
    except OSError as error:
        raise InvalidMail(f"{path} cannot be read: {error.strerror}") from error
    except (UnicodeDecodeError, csv.Error) as error:
        raise InvalidMail(f"{path} is no CSV file in UTF-8: {error}") from error


def _recipient(row: dict[str, Any], path: Path, line: int, key: str | None) -> dict[str, Any]:
    if None in row or None in row.values():
        raise InvalidMail(f"{path}, line {line}: more or fewer columns than the first line names")
    recipient: dict[str, Any] = {name: row[name] for name in RESERVED if row.get(name)}
    if key is not None:
        recipient.setdefault("idempotency_key", f"{key}-{line}")
    recipient["to"] = row["to"]
    recipient["context"] = {name: value for name, value in row.items() if name not in RESERVED}
    return recipient


def _tell(mail_id: str, wait: float | None, *, as_json: bool) -> None:
    if not as_json:
        click.echo(mail_id)  # before the wait: it is known already
    state = None if wait is None else _state_within(mail_id, wait)
    if as_json:
        click.echo(json.dumps({"id": mail_id, "state": state}))
    elif state is not None:
        click.echo(state)


def _state_within(mail_id: str, wait: float) -> str:
    try:
        return MailResult(mail_id, app=app).get(timeout=wait).state
    except TimeoutError as error:
        raise NotifierError(str(error)) from error


def _tell_bulk(rows: list[BulkRow], *, as_json: bool) -> None:
    if as_json:
        click.echo(json.dumps([_plain(row) for row in rows], ensure_ascii=False, indent=2))
    for row in rows:
        if row.result is not None and not as_json:
            click.echo(row.result.id)
    wrong = [row for row in rows if row.error is not None]
    for row in wrong:
        click.echo(f"row {row.position + 1} left out: {row.error}", err=True)
    click.echo(f"{len(rows) - len(wrong)} mails enqueued, {len(wrong)} rows left out", err=True)
    if wrong:
        sys.exit(1)


def _plain(row: BulkRow) -> dict[str, Any]:
    error = None if row.error is None else str(row.error)
    return {"row": row.position + 1, "id": row.result.id if row.result else None, "error": error}
