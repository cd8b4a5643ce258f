"""A page on a port of its own, in a thread."""

from __future__ import annotations

import ipaddress
import socket
import threading
import time
from types import TracebackType
from typing import Self

import uvicorn
from starlette.types import ASGIApp

STARTS_WITHIN = 10.0  # seconds
STOPS_WITHIN = 3  # seconds for answers that are under way


class ServedPage:
    """Serves while the ``with`` block runs. ``port`` 0 takes a free one. On loopback it should answer to `names` alone."""

    def __init__(self, app: ASGIApp, name: str, host: str = "127.0.0.1", port: int = 0) -> None:
        self.host = host
        self.port = port
        self._app = app
        self._name = name
        self._socket: socket.socket | None = None
        self._server: uvicorn.Server | None = None
        self._thread: threading.Thread | None = None

    @property
    def url(self) -> str:
        """The address of the page."""
        return f"http://{_bracketed(self.host)}:{self.port}/"

    def start(self) -> Self:
        """Listen and serve. Raises `OSError` where the port is taken."""
        family = socket.AF_INET6 if ":" in self.host else socket.AF_INET
        self._socket = socket.create_server((self.host, self.port), family=family)
        self.port = self._socket.getsockname()[1]
        config = uvicorn.Config(
            self._app,
            log_level="warning",
            access_log=False,
            lifespan="off",
            ws="none",
            server_header=False,
            timeout_graceful_shutdown=STOPS_WITHIN,
        )
        self._server = uvicorn.Server(config)
        self._thread = threading.Thread(target=self._server.run, args=([self._socket],), name=self._name, daemon=True)
        self._thread.start()
        self._wait_until_started()
        return self

    def stop(self) -> None:
        """Close the port and end the thread."""
        if self._server is not None and self._thread is not None:
            self._server.should_exit = True
            self._thread.join(2 * STOPS_WITHIN)
        if self._socket is not None:
            self._socket.close()
        self._server = self._thread = self._socket = None

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def _wait_until_started(self) -> None:
        assert self._server is not None  # noqa: S101 - the caller made both
        assert self._thread is not None  # noqa: S101
        ends = time.monotonic() + STARTS_WITHIN
        while not self._server.started:
            if not self._thread.is_alive() or time.monotonic() > ends:
                self.stop()
                raise RuntimeError(f"the {self._name} did not start")
            time.sleep(0.01)


def names(host: str) -> frozenset[str] | None:
    """What a page on loopback may be called; elsewhere a proxy or a container decides."""
    try:
        local = host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        local = False
    return frozenset({_bracketed(host), "localhost", "127.0.0.1", "[::1]"}) if local else None


def _bracketed(host: str) -> str:
    return f"[{host}]" if ":" in host else host
