"""Options that choose mails: by id, or by what they have in common."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import Any, TypeVar

import click

from notifier.errors import InvalidAddress
from notifier.model.address import Address
from notifier.model.state import MailState
from notifier.protocol.taxonomy import ROWS
from notifier.tasks.operating import Selection, selected
from notifier.tasks.runtime import runtime

Command = TypeVar("Command", bound=Callable[..., Any])
_SPAN = re.compile(r"(\d+(?:\.\d+)?)(s|min|h|d)\Z")
_SECONDS = {"s": 1.0, "min": 60.0, "h": 3600.0, "d": 86400.0}


class Span(click.ParamType):  # type: ignore[type-arg]  # generic in newer versions only
    """``90s``, ``5min``, ``2h``, ``3d``: seconds."""

    name = "span"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float:
        """Seconds."""
        if isinstance(value, float):
            return value
        found = _SPAN.match(str(value))
        if found is None:
            self.fail(f"{value!r} is no span of time, such as 90s, 5min, 2h or 3d", param, ctx)
        return float(found[1]) * _SECONDS[found[2]]


class Moment(click.ParamType):  # type: ignore[type-arg]  # the same
    """ISO 8601 (UTC where it names no zone), or a span before now, such as ``2h``: seconds since the epoch."""

    name = "time"

    def __init__(self, *, ahead: bool = False) -> None:
        self._sign = 1.0 if ahead else -1.0

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float:
        """Seconds since the epoch."""
        if isinstance(value, float):
            return value
        if (found := _SPAN.match(str(value))) is not None:
            return time.time() + self._sign * float(found[1]) * _SECONDS[found[2]]
        try:
            moment = datetime.fromisoformat(str(value))
        except ValueError:
            self.fail(f"{value!r} is no time, such as 2026-11-25T17:00 or 2h", param, ctx)
        return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()


class TaxonomyRow(click.ParamType):  # type: ignore[type-arg]  # the same
    """A row's id, in any case."""

    name = "row"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """As the table has it."""
        row = str(value).upper()
        if row not in ROWS:
            self.fail(f"{value!r} is no row of the taxonomy, such as A1 or R7", param, ctx)
        return row


class Domain(click.ParamType):  # type: ignore[type-arg]  # the same
    """A domain name, in any case and script."""

    name = "domain"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """As forward-paths have it: in A-labels."""
        try:
            return Address.parse(f"postmaster@{value}").ascii_domain
        except InvalidAddress as error:
            self.fail(f"{value!r} is no domain: {error}", param, ctx)


def choosing(command: Command) -> Command:
    """Adds the options; the command gets ``queue``, ``template``, ``domain``, ``row``, ``since`` and ``until``."""
    for option in (
        click.option("--until", type=Moment(), help="Created before: ISO 8601, or a span before now, such as 1h."),
        click.option("--since", type=Moment(), help="Created at or after: the same."),
        click.option("--row", type=TaxonomyRow(), help="The last fault is of this row of the taxonomy, such as A1."),
        click.option("--domain", type=Domain(), help="A recipient is of this domain."),
        click.option("--template", metavar="NAME"),
        click.option("--queue", metavar="QUEUE"),
    ):
        command = option(command)
    return command


def chosen(mail_ids: Sequence[str], states: Sequence[MailState], everything: bool, **filters: Any) -> list[str]:
    """The ids that were named, or those of all that the filters let through. Raises `click.UsageError` for neither."""
    narrowed = any(value is not None for value in filters.values())
    if mail_ids and (narrowed or everything):
        raise click.UsageError("name mails by their ids, or choose them by options, and not both")
    if not (mail_ids or narrowed or everything):
        raise click.UsageError("name mails by their ids, choose them by options (see --help), or say --all")
    _tell_of_an_unknown_queue(filters.get("queue"))
    return list(mail_ids) or [mail.mail_id for mail in selected(Selection(tuple(states), **filters))]


def _tell_of_an_unknown_queue(queue: str | None) -> None:
    """A slip would look as if there were nothing to do."""
    if queue is not None and queue not in (known := runtime().store.queues()):
        click.echo(f"no mail was ever in a queue {queue!r}; there are {', '.join(known) or 'none'}", err=True)
