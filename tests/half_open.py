"""A broker or store that takes connections and says nothing, and what callers are promised of it."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

PROMISED = 5.0  # seconds in which a call of Django's and of Flask's fails


@dataclass
class HalfOpen:
    listener: socket.socket

    @property
    def address(self) -> str:
        host, port = self.listener.getsockname()
        return f"{host}:{port}"

    def tries(self) -> int:
        """Connections since the last look. Times the timeout that each has, they are the longest that a caller waits."""
        self.listener.setblocking(False)
        found = 0
        try:
            while True:
                self.listener.accept()[0].close()
                found += 1
        except BlockingIOError:
            return found


@contextmanager
def half_open() -> Iterator[HalfOpen]:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        yield HalfOpen(listener)
