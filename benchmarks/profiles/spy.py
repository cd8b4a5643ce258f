"""py-spy beside a worker, or around a process that enqueues. It looks at whatever runs, and stops nothing."""

from __future__ import annotations

import signal
import subprocess
import sysconfig
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

PROGRAM = Path(sysconfig.get_path("scripts")) / "py-spy"
RATE = 200  # looks a second; those that find a thread asleep are not counted
_RECORD = (str(PROGRAM), "record", "--format", "raw", "--rate", str(RATE), "--subprocesses", "--nonblocking")


class NoSpy(Exception):
    """py-spy cannot be used here, and why."""


@contextmanager
def beside(pid: int, stacks: Path) -> Iterator[None]:
    """Look at a process and its children until the block ends. Raises `NoSpy`."""
    command = [*_RECORD, "--duration", "unlimited", "--output", str(stacks), "--pid", str(pid)]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True) as spy:
        try:
            yield
        finally:
            spy.send_signal(signal.SIGINT)
            _, said = spy.communicate(timeout=60)
    if not stacks.exists():
        raise NoSpy(said.strip())


def around(command: Sequence[str], stacks: Path, **options: object) -> None:
    """Run a command to its end. Raises `NoSpy`, also where the command fails."""
    spied = [*_RECORD, "--output", str(stacks), "--", *command]
    done = subprocess.run(spied, capture_output=True, text=True, check=False, **options)  # type: ignore[call-overload]  # the options are `subprocess.run`'s
    if done.returncode or not stacks.exists():
        raise NoSpy((done.stderr or done.stdout).strip())
