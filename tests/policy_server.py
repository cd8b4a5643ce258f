"""An HTTPS server on loopback that says what a test has written: a policy, another status, or octets as they are."""

from __future__ import annotations

import socket
import ssl
import threading
from collections.abc import Callable
from contextlib import suppress
from typing import Self

from authority import Certificate

POLICY = "version: STSv1\nmode: enforce\nmx: mx.example.test\nmax_age: 604800\n"


def answer(
    body: str | bytes = POLICY, status: str = "200 OK", *, kind: str | None = "text/plain", length: int | None = None
) -> bytes:
    """A whole answer. ``length``: another one than the body has."""
    octets = body.encode() if isinstance(body, str) else body
    lines = [f"HTTP/1.1 {status}", f"Content-Length: {len(octets) if length is None else length}"]
    lines += [f"Content-Type: {kind}"] if kind is not None else []
    return "\r\n".join([*lines, "", ""]).encode() + octets


class PolicyServer:
    """``says``: octets, or what is done with the connection. ``heard``: each request."""

    def __init__(self, certificate: Certificate, says: bytes | Callable[[ssl.SSLSocket], None] = b"") -> None:
        self.certificate = certificate
        self.says: bytes | Callable[[ssl.SSLSocket], None] = says or answer()
        self.heard: list[bytes] = []
        self._ends = threading.Event()

    @property
    def port(self) -> int:
        port: int = self._listener.getsockname()[1]
        return port

    def __enter__(self) -> Self:
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._listener.settimeout(0.05)
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()
        return self

    def __exit__(self, *details: object) -> None:
        self._ends.set()
        self._thread.join(10)
        assert not self._thread.is_alive()
        self._listener.close()

    def _run(self) -> None:
        while not self._ends.is_set():
            with suppress(TimeoutError):
                connection, _ = self._listener.accept()
                with connection, suppress(OSError):
                    connection.settimeout(5)
                    self._serve(connection)

    def _serve(self, connection: socket.socket) -> None:
        with self.certificate.context.wrap_socket(connection, server_side=True) as client:
            heard = b""
            while not heard.endswith(b"\r\n\r\n") and (more := client.recv(4096)):
                heard += more
            self.heard.append(heard)
            if callable(self.says):
                self.says(client)
            else:
                client.sendall(self.says)
