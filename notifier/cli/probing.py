"""What `notifier alive` and `notifier ready` read: the health file of a worker, and nothing of the application."""

from __future__ import annotations

import json
import time
from dataclasses import asdict
from pathlib import Path

import click

from notifier.errors import NotifierError
from notifier.model.health import Health


class Unwell(NotifierError):
    """The worker is not alive, or not ready; for the probe's exit status."""


file_argument = click.argument("file", envvar="NOTIFIER_HEALTH", type=click.Path(path_type=Path))


def tell(found: Health, word: str, *, as_json: bool) -> None:
    """That all is well."""
    click.echo(json.dumps({word: True, **asdict(found)}) if as_json else f"{word} (process {found.pid})")


def alive(file: Path) -> Health:
    """What the worker has written, where that still holds. Raises `Unwell`."""
    try:
        found = Health.read(file.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise Unwell(f"no worker has written {file}: it has not begun yet, or has ended") from None
    except (OSError, ValueError) as error:
        raise Unwell(f"{file} cannot be read: {error}") from None
    late = time.time() - found.until
    if late > 0:
        raise Unwell(
            f"the worker (process {found.pid}) is stuck or was killed: its word was good until {late:.0f} s ago"
        )
    return found
