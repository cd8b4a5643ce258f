"""What became of many mails, for people and for programs."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable

import click

from notifier.tasks.operating import Done


def tell(results: Iterable[Done], *, as_json: bool) -> None:
    """A line for each that could not be done or may not come to what was wished for, and how many were done. Exit status 1 where one could not."""
    found = list(results)
    failed = [one for one in found if one.error is not None]
    if as_json:
        rows = [{"id": one.mail_id, "state": one.state, "error": one.error, "warning": one.warning} for one in found]
        click.echo(json.dumps(rows, ensure_ascii=False, indent=2))
    else:
        for one in found:
            if (words := one.error or one.warning) is not None:
                click.echo(f"{one.mail_id}: {words}", err=True)
        states: dict[str, int] = {}
        for one in found:
            if one.state is not None:
                states[one.state] = states.get(one.state, 0) + 1
        click.echo(", ".join(f"{count} {state}" for state, count in states.items()) or "no mail was changed")
    if failed:
        sys.exit(1)
