"""The sink as a process: compiled once with the system's C compiler, ended with its standard input."""

from __future__ import annotations

import shutil
import socket
import subprocess
from pathlib import Path
from types import TracebackType
from typing import NamedTuple, Self

SOURCE = Path(__file__).with_name("sink.c")
PROGRAM = Path(".cache/benchmarks/sink")


class Count(NamedTuple):
    """What came: mails, the sum over them, and how many times the sink answered."""

    mails: int
    checksum: int
    answers: int


def compiled() -> Path:
    """The program. Raises `SystemExit` where there is no C compiler."""
    compiler = shutil.which("cc") or shutil.which("gcc") or shutil.which("clang")
    if compiler is None:
        raise SystemExit("the benchmark's sink is written in C, and there is no C compiler (cc) here")
    if not PROGRAM.exists() or PROGRAM.stat().st_mtime < SOURCE.stat().st_mtime:
        PROGRAM.parent.mkdir(parents=True, exist_ok=True)
        subprocess.run([compiler, "-O2", "-o", str(PROGRAM), str(SOURCE)], check=True)
    return PROGRAM


class Sink:
    """A running sink on a port of loopback."""

    def __init__(self, *options: str) -> None:
        self._process = subprocess.Popen([str(compiled()), *options], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        assert self._process.stdout is not None
        self.port = int(self._process.stdout.readline())

    def reset(self) -> None:
        """Begin to count anew."""
        self._ask(b"XRESET")

    def count(self) -> Count:
        """What came since then."""
        return Count(*map(int, self._ask(b"XSUM").split()[1:]))

    def _ask(self, command: bytes) -> bytes:
        with socket.create_connection(("127.0.0.1", self.port)) as control, control.makefile("rb") as file:
            file.readline()
            control.sendall(command + b"\r\n")
            return file.readline()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.close()
        self._process.wait(10)
        self._process.stdout.close()
