"""`notifier alive`: for a liveness probe."""

from __future__ import annotations

from pathlib import Path

import click

from notifier.cli.as_json import as_json_option
from notifier.cli.probing import alive, file_argument, tell


@click.command("alive")
@file_argument
@as_json_option
def command(file: Path, as_json: bool) -> None:
    """Exit status 0 while the worker that writes FILE is not stuck, 1 where it is or has ended.

    FILE is that of NOTIFIER_HEALTH where it is left out. A store or a broker that is away makes no worker stuck, and
    nor does a long drain: starting it again would help nobody.
    """
    tell(alive(file), "alive", as_json=as_json)
