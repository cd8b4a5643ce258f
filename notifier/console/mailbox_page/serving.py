"""The mailbox page on a port of its own, in a thread."""

from __future__ import annotations

import socket
import threading
import time
from types import TracebackType
from typing import Self

import uvicorn

from notifier.console.mailbox_page.app import Mails, create_mailbox_app

STARTS_WITHIN = 10.0  # seconds
JOIN = 5.0


class MailboxPage:
    """Serves while the ``with`` block runs. ``port`` 0 takes a free one."""

    def __init__(self, mailbox: Mails, host: str = "127.0.0.1", port: int = 0) -> None:
        self._socket = socket.create_server((host, port))
        self.host, self.port = self._socket.getsockname()[:2]
        config = uvicorn.Config(
            create_mailbox_app(mailbox), log_level="warning", access_log=False, lifespan="off", ws="none"
        )
        self._server = uvicorn.Server(config)
        self._thread = threading.Thread(
            target=self._server.run, args=([self._socket],), name="mailbox-page", daemon=True
        )

    @property
    def url(self) -> str:
        """The address of the page."""
        return f"http://{self.host}:{self.port}/"

    def __enter__(self) -> Self:
        self._thread.start()
        ends = time.monotonic() + STARTS_WITHIN
        while not self._server.started:
            if not self._thread.is_alive() or time.monotonic() > ends:
                raise RuntimeError("the mailbox page did not start")
            time.sleep(0.01)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.should_exit = True
        self._thread.join(JOIN)
        self._socket.close()
