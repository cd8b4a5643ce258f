"""A port for a server that has to be told its number, or that comes back at it: nobody else gets it meanwhile."""

from __future__ import annotations

import socket
import sys


class HeldPort:
    """A port of ``host``, bound from the start until `release`, and never listened at.

    On Linux the system gives such a port to nobody who asks for any, be it to listen or to connect from, and a server
    that sets SO_REUSEADDR, as servers do, may listen at it nonetheless, as often as it is started again. Elsewhere the
    second bind would fail, so the port is merely one that was free.
    """

    def __init__(self, host: str = "127.0.0.1") -> None:
        self._socket = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET)
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            self._socket.bind((host, 0))
        except BaseException:
            self._socket.close()
            raise
        self.number: int = self._socket.getsockname()[1]
        if sys.platform != "linux":
            self.release()

    def release(self) -> None:
        """Give it back."""
        self._socket.close()
