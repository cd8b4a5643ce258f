"""The sink's process: built with the system's compiler, asked what it was sent."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from types import TracebackType
from typing import Self

from benchmarks.smtp import cores
from benchmarks.smtp.load import Expected

SOURCE = Path(__file__).with_name("sink.c")
_MEMORY = "/dev/shm"
CACHE = Path(__file__).parents[2] / ".cache"


class NoCompiler(Exception):
    """There is nothing to build the sink with."""


def build() -> Path:
    """The sink's binary, newer than its source. Raises `NoCompiler`; the compiler's own words go to standard error."""
    binary = CACHE / "benchmarks" / "smtp-sink"
    if binary.exists() and binary.stat().st_mtime > SOURCE.stat().st_mtime:
        return binary
    compiler = shutil.which(os.environ.get("CC", "cc"))
    if compiler is None:
        raise NoCompiler("the sink is written in C and there is no compiler here: install cc, or name one with CC")
    binary.parent.mkdir(parents=True, exist_ok=True)
    # Built beside its place and moved there, for two runs may begin at once.
    fresh = binary.with_name(f"{binary.name}.{os.getpid()}")
    try:
        subprocess.run([compiler, "-std=c11", "-O2", "-o", str(fresh), str(SOURCE)], check=True)
    except subprocess.CalledProcessError as error:
        raise NoCompiler(f"{compiler} could not build the sink (its words stand above)") from error
    return fresh.replace(binary)


@dataclass(frozen=True, slots=True)
class Received:
    """What the sink has taken since it was reset; ``by_bdat`` of the mails came with BDAT, the others with DATA."""

    mails: int
    sum: int
    by_bdat: int

    def mismatch(self, expected: Expected) -> str | None:
        """What is wrong with it, in words; None where every octet is there."""
        if self.mails != expected.mails:
            return f"the sink has {self.mails} mails of {expected.mails}"
        return None if self.sum == expected.sum else "the sink has other octets than were to be sent"


@dataclass(frozen=True, slots=True)
class Kept:
    """One mail. ``at``: when it was accepted, in seconds of the monotonic clock."""

    at: float
    recipient: str
    octets: bytes


class Sink:
    """A running sink. ``port`` offers CHUNKING, ``plain_port`` does not."""

    def __init__(self) -> None:
        self._process = subprocess.Popen([build()], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        cores.keep_for_servers(self._process.pid)
        assert self._process.stdout is not None
        self.port, self.plain_port = map(int, self._process.stdout.readline().split())

    @property
    def pid(self) -> int:
        """Its process, whose processor time may be asked for."""
        return self._process.pid

    def reset(self) -> None:
        """Count from zero."""
        self._ask(b"XRESET")

    def drop_after(self, mails: int, *, said: bool = False) -> None:
        """Close each connection when it has brought so many; ``said``: with 421 for the next. 0: never."""
        self._ask(b"XDROP %d%s" % (mails, b" 421" if said else b""))

    def keep(self) -> None:
        """Keep every mail in memory from now on, until the next reset."""
        self._ask(b"XKEEP")

    def kept(self) -> Iterator[Kept]:
        """What it has kept, in the order of acceptance. Raises `OSError` where it cannot be written down."""
        with TemporaryDirectory(dir=_MEMORY if os.access(_MEMORY, os.W_OK) else None) as folder:
            path = Path(folder) / "mails"
            if not self._ask(b"XKEPT %b" % bytes(path)).startswith(b"250"):
                raise OSError(f"the sink cannot write {path}")
            with path.open("rb") as file:
                while line := file.readline():
                    at, length, recipient = line.decode().split(maxsplit=2)
                    yield Kept(int(at) / 1e9, recipient.strip(" <>\n"), file.read(int(length)))

    def received(self) -> Received:
        """What has come since the reset."""
        return Received(*map(int, self._ask(b"XSUM").split()[1:]))

    def _ask(self, command: bytes) -> bytes:
        with (
            socket.create_connection(("127.0.0.1", self.port), timeout=10) as control,
            control.makefile("rb") as replies,
        ):
            replies.readline()
            control.sendall(command + b"\r\n")
            return replies.readline()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._process.communicate(timeout=10)  # it ends with its standard input
