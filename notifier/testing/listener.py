"""A listening socket with a thread that accepts, until it is told to end."""

from __future__ import annotations

import selectors
import socket
import threading
import time
from collections.abc import Callable
from contextlib import suppress

BACKLOG = 128
_FULL = 0.05  # seconds until the next try where the process has no file descriptor left


class Listener:
    """Hands each connection to ``serve``, which must not block. Raises `OSError` where the address is taken."""

    def __init__(
        self,
        address: tuple[str, int] | str,
        serve: Callable[[socket.socket], None],
        receive_buffer: int | None = None,
    ) -> None:
        self._socket = _listening(address, receive_buffer)
        self._serve = serve
        self._wake, self._bell = socket.socketpair()
        self._thread = threading.Thread(target=self._run, name="catching-server", daemon=True)

    @property
    def port(self) -> int:
        """The port, which the system chose where 0 was asked for."""
        port: int = self._socket.getsockname()[1]
        return port

    def start(self) -> None:
        """Begin to accept."""
        self._thread.start()

    def stop(self) -> None:
        """End the thread, close the socket."""
        self._bell.close()  # a pair and not a shutdown: that one wakes an accepting thread on Linux alone
        if self._thread.ident is not None:
            self._thread.join()
        self._wake.close()
        self._socket.close()

    def _run(self) -> None:
        with selectors.DefaultSelector() as selector:
            selector.register(self._socket, selectors.EVENT_READ)
            selector.register(self._wake, selectors.EVENT_READ)
            while self._wake not in (key.fileobj for key, _ in selector.select()):
                self._accept_one()

    def _accept_one(self) -> None:
        try:
            with suppress(BlockingIOError, ConnectionAbortedError):  # gone again before we looked
                connection, _ = self._socket.accept()
                connection.setblocking(True)
                self._serve(connection)
        except OSError:  # no descriptor is free; those who hold them will go
            time.sleep(_FULL)


def _listening(address: tuple[str, int] | str, receive_buffer: int | None) -> socket.socket:
    family = socket.AF_UNIX if isinstance(address, str) else socket.AF_INET
    if not isinstance(address, str) and ":" in address[0]:
        family = socket.AF_INET6
    listener = socket.create_server(address, family=family, backlog=BACKLOG)
    if receive_buffer is not None:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)  # connections inherit it
    listener.setblocking(False)
    return listener
