"""The benchmarks' sink in tests: octet by octet what is said to it, and what it answers."""

from __future__ import annotations

import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from benchmarks.smtp import sink as sinks
from benchmarks.smtp.sink import NoCompiler, Sink

ENVELOPE = b"MAIL FROM:<s@x.example>\r\nRCPT TO:<r@x.example>\r\n"


@contextmanager
def running_sink() -> Iterator[Sink]:
    """Skips the test where there is nothing to build it with."""
    try:
        sinks.build()
    except NoCompiler as missing:
        assert not os.environ.get("CI"), "CI has a compiler"
        pytest.skip(str(missing))
    with Sink() as running:
        yield running


def stuffed(body: bytes) -> bytes:
    """A message as DATA carries it, terminator and all."""
    return (b"\r\n" + body).replace(b"\r\n.", b"\r\n..")[2:] + b".\r\n"


def converse(port: int, octets: bytes, step: int) -> bytes:
    """All the replies to ``octets``, which are sent ``step`` at a time."""
    with socket.create_connection(("127.0.0.1", port), timeout=30) as client, client.makefile("rb") as replies:
        client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for at in range(0, len(octets), step):
            client.sendall(octets[at : at + step])
        return replies.read()
