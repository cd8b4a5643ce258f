"""The command `notifier` as people call it: a process of its own, forked from one that has imported what it needs."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from tempfile import TemporaryFile

from nursery import Ward, can_make

TOP = Path(__file__).resolve().parents[1]
TIMEOUT = 60.0  # seconds
VERBS = ("cancel", "check", "dead", "pause", "queue", "reschedule", "resolve", "resume", "send", "status", "suppress")
IMPORTED = ("notifier.cli.main", *(f"notifier.cli.{verb}" for verb in VERBS))


def notifier(environ: Mapping[str, str], *arguments: str) -> subprocess.CompletedProcess[str]:
    """``python -m notifier`` with these arguments, on a terminal of 160 columns."""
    environ = {**environ, "COLUMNS": "160"}
    if not can_make(environ, arguments):
        command = [sys.executable, "-m", "notifier", *arguments]
        return subprocess.run(
            command, env=dict(environ), cwd=TOP, capture_output=True, text=True, timeout=TIMEOUT, check=False
        )
    with TemporaryFile() as out, TemporaryFile() as err, Path(os.devnull).open("rb") as nothing:
        streams = (nothing.fileno(), out.fileno(), err.fileno())
        ward = Ward("notifier", arguments, env=environ, cwd=TOP, streams=streams, imported=IMPORTED)
        try:
            status = ward.wait(TIMEOUT)
        except subprocess.TimeoutExpired:
            ward.kill()
            raise
        said = []
        for file in (out, err):
            file.seek(0)
            said.append(file.read().decode())
    return subprocess.CompletedProcess(["notifier", *arguments], status, *said)
