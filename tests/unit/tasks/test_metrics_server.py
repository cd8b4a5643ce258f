"""What stands in the way of serving metrics is said at the start."""

from __future__ import annotations

import re
import socket
import sys
from collections.abc import Mapping

import pytest

from notifier.errors import ConfigurationError
from notifier.settings.listening import ListenAt
from notifier.tasks.metrics_pages import store_pages, worker_pages
from notifier.tasks.metrics_server import Served
from notifier.telemetry.figures import Figures
from notifier.telemetry.page import Page


def no_pages() -> Mapping[str, Page]:
    return {}


def test_a_port_that_is_taken_is_an_error_that_names_the_setting() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        at = ListenAt("127.0.0.1", taken.getsockname()[1])
        with pytest.raises(ConfigurationError, match=re.escape(f"NOTIFIER_METRICS: nothing can listen at {at}: ")):
            Served(at, no_pages)


def test_without_the_extra_the_error_says_how_to_install_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(sys.modules, "notifier.telemetry.exposition", raising=False)
    monkeypatch.setitem(sys.modules, "prometheus_client", None)
    monkeypatch.setitem(sys.modules, "prometheus_client.core", None)
    for pages in (store_pages, worker_pages(Figures())):
        with pytest.raises(ConfigurationError, match=r"pip install 'notifier-worker\[metrics\]'"):
            pages()


def test_a_page_that_is_not_there_is_a_404_that_names_those_that_are() -> None:
    served = Served(ListenAt("127.0.0.1", 0), lambda: {"/metrics": lambda accept: (b"x 1\n", "text/plain")})
    try:
        for method, path, status, body in (
            ("GET", "/metrics?x=1", 200, b"x 1\n"),
            ("HEAD", "/metrics", 200, b""),
            ("GET", "/", 404, b"/metrics\n"),
            ("POST", "/metrics", 501, None),
        ):
            found = answer(served, method, path)
            assert found[0] == status
            assert body is None or found[1] == body
    finally:
        served.end()


def answer(served: Served, method: str, path: str) -> tuple[int, bytes]:
    with socket.create_connection(tuple(served._at), timeout=20) as client, client.makefile("rb") as reading:
        client.sendall(f"{method} {path} HTTP/1.0\r\n\r\n".encode())
        head, _, body = reading.read().partition(b"\r\n\r\n")
    return int(head.split(b" ")[1]), body
