"""Child processes that end with their parent, whatever ends the parent.

A child of ours sits in a session of its own, so that Ctrl-C on the terminal reaches only us and we end it in order. To
outlive nobody it needs a keeper: a tiny process that holds the read end of a pipe. When we end, even by kill -9, the
kernel closes the write end, and the keeper ends the child's process group. (PR_SET_PDEATHSIG would do it without a
process, but it needs code between fork and exec, which is unsafe in a process with threads, and it is Linux only.)
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import IO

_KEEPER = """
import os, signal, sys, time
for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
    signal.signal(number, signal.SIG_IGN)
group = int(sys.argv[1])
os.read(0, 1)  # EOF: our parent is gone
try:
    os.killpg(group, signal.SIGTERM)
    time.sleep(float(sys.argv[2]))
    os.killpg(group, signal.SIGKILL)
except ProcessLookupError:
    pass
"""


class SupervisedProcess:
    """A command in a process group of its own. ``grace``: seconds from SIGTERM to SIGKILL if we die."""

    def __init__(
        self,
        command: Sequence[str],
        *,
        env: Mapping[str, str] | None = None,
        cwd: Path | None = None,
        output: IO[bytes] | int = subprocess.DEVNULL,
        grace: float = 3.0,
    ) -> None:
        self.process = subprocess.Popen(  # noqa: S603 - the caller's command
            list(command),
            env=None if env is None else dict(env),
            cwd=cwd,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        try:
            self._keeper = _keeper_of(self.process.pid, grace)
        except BaseException:
            self.process.kill()
            self.process.wait()
            raise

    @property
    def pid(self) -> int:
        """The process id, which is its group's id too."""
        return self.process.pid

    @property
    def running(self) -> bool:
        """True while the command has not ended."""
        return self.process.poll() is None

    def signal(self, number: int) -> None:
        """Send a signal to the command's process alone."""
        if self.running:
            self.process.send_signal(number)

    def signal_group(self, number: int) -> None:
        """Send a signal to the whole group: the command and all its children."""
        with suppress(ProcessLookupError):
            os.killpg(self.pid, number)

    def stop(self, grace: float = 10.0) -> int:
        """SIGTERM, wait up to ``grace`` seconds, SIGKILL for what is left of the group; its exit status."""
        self.signal(signal.SIGTERM)
        with suppress(subprocess.TimeoutExpired):
            self.process.wait(grace)
        self.signal_group(signal.SIGKILL)
        status = self.process.wait()
        self.release()
        return status

    def kill(self) -> None:
        """SIGKILL for the whole group, as an out-of-memory killer or a power cut would."""
        self.signal_group(signal.SIGKILL)
        self.process.wait()
        self.release()

    def release(self) -> None:
        """The keeper may go: the group has ended."""
        if self._keeper.poll() is None and self._keeper.stdin is not None:
            self._keeper.kill()
        self._keeper.wait()
        if self._keeper.stdin is not None:
            self._keeper.stdin.close()


def _keeper_of(group: int, grace: float) -> subprocess.Popen[bytes]:
    return subprocess.Popen(  # noqa: S603 - our own interpreter and text
        # -I and -S: it needs nothing that is installed, and is there the sooner.
        [sys.executable, "-I", "-S", "-c", _KEEPER, str(group), str(grace)],
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
