"""What nobody's code takes away: a write that waits for the disk, octets over TLS without a client, what imports load."""

from __future__ import annotations

import socket
import ssl
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from contextlib import closing
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from typing import Any

import redis

from benchmarks.end_to_end.encrypted import BLOCK, MESSAGE, sink
from benchmarks.end_to_end.light import RATE
from benchmarks.smtp.peers import TOP
from notifier.testing import EmbeddedValkey

WRITES = 100
_FLIGHT = b"MAIL FROM:<shop@origin.example>\r\nRCPT TO:<zoe@destination.example>\r\nDATA\r\n"
_REPLIES = 3


def disk() -> tuple[float, float]:
    """Seconds that a write takes in a server with `appendfsync always`, at light load, and that a read does: medians."""
    with EmbeddedValkey() as valkey, redis.Redis.from_url(valkey.url) as server:
        return _paced(lambda: server.set("one", "x" * 1000)), _paced(lambda: server.get("one"))


def _paced(ask: Callable[[], Any]) -> float:
    taken = []
    for _ in range(WRITES):
        time.sleep(1 / RATE)
        began = time.perf_counter()
        ask()
        taken.append(time.perf_counter() - began)
    return median(taken)


def encryption(rounds: int) -> tuple[float, float]:
    """Seconds of a mail of 50 KB with TLS and without, no client between: a socket, and octets made beforehand."""
    with TemporaryDirectory() as folder, sink(Path(folder), 2 * (rounds + 1) * BLOCK) as port:
        context = ssl.create_default_context(cafile=str(Path(folder) / "ca.pem"))
        with closing(_opened(port, context)) as over_tls, closing(_opened(port, None)) as without:
            pairs = [(_seconds(over_tls), _seconds(without)) for _ in range(rounds + 1)][1:]
    return median(tls for tls, _ in pairs), median(plain for _, plain in pairs)


def _opened(port: int, context: ssl.SSLContext | None) -> socket.socket:
    stream = socket.create_connection(("127.0.0.1", port))
    stream.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    _read(stream, 1)
    _say(stream, b"EHLO origin.example\r\n", 4)
    if context is not None:
        _say(stream, b"STARTTLS\r\n", 1)
        stream = context.wrap_socket(stream, server_hostname="localhost")
        _say(stream, b"EHLO origin.example\r\n", 4)
    return stream


def _seconds(stream: socket.socket) -> float:
    body, taken = MESSAGE + b".\r\n", []
    for _ in range(BLOCK):
        began = time.perf_counter()
        _say(stream, _FLIGHT, _REPLIES)
        _say(stream, body, 1)
        taken.append(time.perf_counter() - began)
    return median(taken)


def _say(stream: socket.socket, octets: bytes, lines: int) -> None:
    stream.sendall(octets)
    _read(stream, lines)


def _read(stream: socket.socket, lines: int) -> None:
    while lines > 0:
        lines -= stream.recv(65536).count(b"\n")


def imported(statement: str) -> Sequence[tuple[str, float]]:
    """Seconds that each module takes by itself, as `-X importtime` has them, the dearest first; without the interpreter's own."""
    own = {name for name, _ in _imported("pass")}
    return [(name, seconds) for name, seconds in _imported(statement) if name not in own]


def _imported(statement: str) -> Sequence[tuple[str, float]]:
    command = [sys.executable, "-X", "importtime", "-c", statement]
    done = subprocess.run(command, cwd=TOP, capture_output=True, text=True, check=True)
    rows = (line.removeprefix("import time:").split("|") for line in done.stderr.splitlines()[1:])
    found = [(row[2].strip(), int(row[0]) / 1e6) for row in rows if len(row) == 3 and row[0].strip().isdecimal()]
    return sorted(found, key=lambda one: -one[1])
