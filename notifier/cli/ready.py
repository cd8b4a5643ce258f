"""`notifier ready`: for a readiness probe."""

from __future__ import annotations

import time
from pathlib import Path

import click

from notifier.cli.as_json import as_json_option
from notifier.cli.numbers import Finite
from notifier.cli.probing import Unwell, alive, file_argument, tell

PART = 4  # a word is good for twelve sweep intervals


@click.command("ready")
@file_argument
@click.option(
    "--within",
    type=Finite(min=0, min_open=True),
    metavar="SECONDS",
    help="Not ready where the worker's last word is older: something holds it up.  [default: three sweep intervals]",
)
@as_json_option
def command(file: Path, within: float | None, as_json: bool) -> None:
    """Exit status 0 while the worker that writes FILE reaches store and broker and was not told to end, else 1.

    FILE is that of NOTIFIER_HEALTH where it is left out. The worker asks store and broker at each NOTIFIER_SWEEP_INTERVAL, so one that
    hangs is told after that and its timeout (NOTIFIER_STORE_TIMEOUT; socket_timeout in celeryconfig.py): seven seconds as
    shipped.
    """
    found = alive(file)
    silent = time.time() - found.told_at
    if found.told_at and silent > (within or (found.until - found.told_at) / PART):
        raise Unwell(f"the worker (process {found.pid}) is not ready: it has said nothing for {silent:.0f} s")
    if found.hindrance:
        raise Unwell(f"the worker (process {found.pid}) is not ready: {found.hindrance}")
    tell(found, "ready", as_json=as_json)
