"""A loopback port for a server that has to be told its number: nobody else gets it meanwhile."""

from __future__ import annotations

import socket
import sys


class HeldPort:
    """Bound from the start until `release`, and never listened at.

    On Linux the system gives such a port to nobody who asks for any, be it to listen or to connect from, and a server
    that sets SO_REUSEADDR, as servers do, may listen at it nonetheless, as often as it is started again. Elsewhere the
    second bind would fail, so the port is merely one that was free.
    """

    def __init__(self) -> None:
        self._socket = socket.socket()
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self._socket.bind(("127.0.0.1", 0))
        self.number: int = self._socket.getsockname()[1]
        if sys.platform != "linux":
            self.release()

    def release(self) -> None:
        """Give it back."""
        self._socket.close()
