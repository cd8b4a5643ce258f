"""The application beside the storm: a process of its own that enqueues all the time, and keeps the ids that it got back."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from workers import TOP


@dataclass
class Application:
    """``refused``: calls that raised; nothing was promised for them."""

    program: subprocess.Popen[str]
    ids: Path
    refused: int = 0

    def rate(self, mails_a_second: float) -> None:
        """From now on; 0 pauses it."""
        self._say(f"rate {mails_a_second}")

    def burst(self, mails: int) -> None:
        """So many at once; returns when the calls have returned."""
        self._say(f"burst {mails}")

    @property
    def requested(self) -> list[str]:
        """The ids that came back."""
        return self.ids.read_text(encoding="utf-8").split() if self.ids.exists() else []

    def _say(self, command: str) -> None:
        assert self.program.stdin is not None
        assert self.program.stdout is not None
        self.program.stdin.write(command + "\n")
        self.program.stdin.flush()
        _, refused = self.program.stdout.readline().split()
        self.refused = int(refused)


@contextmanager
def application(kind: str, folder: Path, environ: Mapping[str, str]) -> Iterator[Application]:
    """``kind`` see `programs.applying`."""
    ids = folder / "requested"
    command = [sys.executable, "-m", "programs.applying", kind, str(ids)]
    with subprocess.Popen(
        command, env=dict(environ), cwd=TOP, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as program:
        yield Application(program, ids)
