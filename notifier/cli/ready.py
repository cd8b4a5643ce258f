"""`notifier ready`: for a readiness probe."""

from __future__ import annotations

from pathlib import Path

import click

from notifier.cli.probing import Unwell, alive, file_argument, json_option, tell


@click.command("ready")
@file_argument
@json_option
def command(file: Path, as_json: bool) -> None:
    """Exit status 0 while the worker that writes FILE reaches store and broker and was not told to end, else 1.

    FILE is that of NOTIFIER_HEALTH where it is left out.
    """
    found = alive(file)
    if found.hindrance:
        raise Unwell(f"the worker (process {found.pid}) is not ready: {found.hindrance}")
    tell(found, "ready", as_json=as_json)
