"""Metrics over HTTP, for Prometheus to scrape: a few paths, GET and HEAD, nothing else."""

from __future__ import annotations

import logging
import socket
import sys
from collections.abc import Callable, Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from notifier.telemetry.page import Page

log = logging.getLogger(__name__)

PATIENCE = 10.0  # seconds that a client has for its request


class MetricsServer(ThreadingHTTPServer):
    """Serves ``pages`` by their paths on a socket that listens already. ``alive``: looked at twice a second; once it says
    False, serving ends.
    """

    daemon_threads = True
    block_on_close = False

    def __init__(
        self, listening: socket.socket, pages: Mapping[str, Page], alive: Callable[[], bool] = lambda: True
    ) -> None:
        super().__init__(listening.getsockname()[:2], _Handler, bind_and_activate=False)
        self.socket.close()
        self.socket = listening
        self.pages = pages
        self._alive = alive

    def service_actions(self) -> None:
        """See `socketserver.BaseServer`."""
        if not self._alive():
            raise SystemExit

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that goes away is no news."""
        del request
        log.debug("a scrape by %s ended early: %s", client_address, sys.exception())


class _Handler(BaseHTTPRequestHandler):
    server: MetricsServer
    timeout = PATIENCE
    server_version = "notifier"
    sys_version = ""

    def do_GET(self) -> None:
        self._answer(with_body=True)

    def do_HEAD(self) -> None:
        self._answer(with_body=False)

    def _answer(self, *, with_body: bool) -> None:
        page = self.server.pages.get(self.path.partition("?")[0])
        if page is None:
            body, content_type, status = "\n".join(self.server.pages).encode() + b"\n", "text/plain", 404
        else:
            (body, content_type), status = page(self.headers.get("Accept", "")), 200
        self.send_response(status)
        self.send_header("Content-Type", content_type)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if with_body:
            self.wfile.write(body)

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the standard library's name
        log.debug(format, *args)


def listen(host: str, port: int) -> socket.socket:
    """A listening socket. Raises `OSError`."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    return socket.create_server((host, port), family=family)
