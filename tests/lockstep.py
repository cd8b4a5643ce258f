"""A server that answers each line with the next reply of its list, and keeps all that it heard."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field


@dataclass
class Heard:
    """What a client said, octet by octet."""

    host: str = "127.0.0.1"
    port: int = 0
    octets: bytes = b""
    lines: list[bytes] = field(default_factory=list)


def serve(connection: socket.socket, replies: list[bytes], heard: Heard) -> None:
    """Greet with the first reply; a 354 is followed by a message up to its dot; at the end of the list, close."""
    left = iter(replies)
    with connection, connection.makefile("rb") as file:
        connection.sendall(next(left))
        for reply in left:
            line = file.readline()
            heard.octets += line
            heard.lines.append(line)
            if not line:
                return
            connection.sendall(reply)
            if reply.startswith(b"354"):
                while line and line != b".\r\n":
                    line = file.readline()
                    heard.octets += line
                connection.sendall(next(left, b""))
        connection.shutdown(socket.SHUT_WR)
        heard.octets += file.read()


@contextmanager
def lockstep(replies: list[bytes]) -> Iterator[Heard]:
    """Serves one connection."""
    heard = Heard()
    with socket.create_server(("127.0.0.1", 0)) as listener:
        heard.port = listener.getsockname()[1]

        def run() -> None:
            try:
                connection, _ = listener.accept()
                connection.settimeout(10)
                serve(connection, replies, heard)
            except OSError:
                return  # the client went away, as it may

        thread = threading.Thread(target=run, daemon=True)
        thread.start()
        yield heard
        thread.join(10)
        assert not thread.is_alive()
