"""`notifier suppress`: the addresses that are not mailed, for people to see and to change."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from itertools import islice

import click
from rich.console import Console
from rich.table import Table
from rich.text import Text

from notifier.cli.as_json import as_json_option
from notifier.cli.numbers import Finite
from notifier.errors import NotifierError
from notifier.model.address import Address
from notifier.model.suppression import Suppression
from notifier.store.suppression import SuppressionList
from notifier.tasks.runtime import runtime

DAY = 86400.0
MOST_DAYS = 36525  # beyond some thousand years no calendar tells when it ends
LIST = "Of mails of this tenant and class alone, such as default/bulk. Left out: of all mails."
_LIST = re.compile(r"[a-z0-9][a-z0-9_-]{0,62}/[a-z0-9][a-z0-9_-]{0,62}\Z")


def _checked_list(context: click.Context, parameter: click.Parameter, name: str | None) -> str | None:
    if name is not None and not _LIST.match(name):
        raise click.BadParameter(f"a list is TENANT/CLASS, such as default/bulk, and not {name!r}", context, parameter)
    return name


list_option = click.option("--list", "mailing_list", metavar="TENANT/CLASS", callback=_checked_list, help=LIST)


@click.group("suppress")
def command() -> None:
    """The suppression list: addresses that are not mailed."""


@command.command("add")
@click.argument("addresses", nargs=-1, required=True)
@click.option("--reason", default="by hand", show_default=True, help="Why; it is shown wherever the entry is.")
@click.option(
    "--days", type=Finite(min=0, min_open=True, max=MOST_DAYS), help="For so long. Left out: until it is removed."
)
@list_option
@as_json_option
def add(addresses: tuple[str, ...], reason: str, days: float | None, mailing_list: str | None, as_json: bool) -> None:
    """Do not mail ADDRESSES."""
    paths = [_path(address) for address in addresses]  # all are looked at before any is added
    lasts = None if days is None else days * DAY
    _tell([_list().add(path, reason, lasts=lasts, mailing_list=mailing_list) for path in paths], as_json)


@command.command("remove")
@click.argument("addresses", nargs=-1, required=True)
@list_option
@as_json_option
def remove(addresses: tuple[str, ...], mailing_list: str | None, as_json: bool) -> None:
    """Mail ADDRESSES again. Exit status 1 where one was not on the list."""
    removed = {path: _list().remove(path, mailing_list) for path in map(_path, addresses)}
    if as_json:
        click.echo(json.dumps({"removed": removed}, ensure_ascii=False, indent=2))
    if missing := [path for path, was_there in removed.items() if not was_there]:
        raise NotifierError(f"not on the suppression list: {', '.join(missing)}")


@command.command("show")
@click.argument("address")
@list_option
@as_json_option
def show(address: str, mailing_list: str | None, as_json: bool) -> None:
    """Tell why ADDRESS is not mailed, and until when. Exit status 1 where it is not on the list."""
    found = _list().of([_path(address)], mailing_list)
    if not found:
        raise NotifierError(f"not on the suppression list: {_path(address)}")
    _tell(list(found.values()), as_json)


@command.command("list")
@click.option("--limit", type=click.IntRange(min=1), default=1000, show_default=True, help="Of entries shown.")
@as_json_option
def list_entries(limit: int, as_json: bool) -> None:
    """Show the list, by address."""
    found = list(islice(_list().all(), limit + 1))
    _tell(sorted(found[:limit], key=lambda entry: entry.address), as_json)
    if len(found) > limit:
        click.echo(f"there are more than {limit}; --limit shows more", err=True)


def _list() -> SuppressionList:
    return runtime().store.suppression


def _path(address: str) -> str:
    return Address.parse(address).forward_path.lower()


def _tell(entries: Sequence[Suppression], as_json: bool) -> None:
    if as_json:
        click.echo(json.dumps([asdict(entry) for entry in entries], ensure_ascii=False, indent=2))
        return
    table = Table("address", "of", "since", "until", "why")
    for entry in entries:
        until = _moment(entry.until) if entry.until is not None else "removed"
        why = f"{entry.reason} (mail {entry.mail_id})" if entry.mail_id else entry.reason
        table.add_row(Text(entry.address), entry.mailing_list or "all mails", _moment(entry.since), until, Text(why))
    Console().print(table)


def _moment(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%d %H:%M UTC")
