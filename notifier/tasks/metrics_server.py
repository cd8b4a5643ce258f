"""The process beside a worker's pool that serves its metrics.

It is forked before anything else is, and not a thread of the main process: a lock that a thread holds at a fork is held in the child
for ever, a store that hangs would hold up the scrape alone, and a scrape that is slow takes no time of the worker's.
"""

from __future__ import annotations

import logging
import os
import signal
import socket
from collections.abc import Callable
from typing import Any

from celery import bootsteps

from notifier.errors import ConfigurationError
from notifier.settings.listening import ListenAt
from notifier.tasks.metrics_pages import Pages, worker_pages
from notifier.tasks.runtime import settings
from notifier.tasks.telling import count_from_now_on
from notifier.telemetry.figures import Figures

log = logging.getLogger(__name__)

LOOK_EVERY = 5.0  # seconds until a server that has ended is followed by another
_IGNORED = (
    signal.SIGINT,
    signal.SIGTERM,
    signal.SIGQUIT,
    signal.SIGHUP,
)  # the worker's: it goes when the worker has gone


class MetricsStep(bootsteps.StartStopStep):
    """Where the settings ask for metrics: memory for the figures before the pool is, and the server."""

    requires = ("celery.worker.components:Timer",)

    def __init__(self, worker: Any, **_: Any) -> None:
        super().__init__(worker)
        at = settings().metrics
        self.enabled = at is not None
        self._entry: Any = None
        if at is not None:
            figures = Figures()
            count_from_now_on(figures)
            try:
                self._served = Served(at, worker_pages(figures))
            except ConfigurationError as error:
                raise SystemExit(str(error)) from None

    def start(self, worker: Any) -> None:
        """Look after the server from now on."""
        self._entry = worker.timer.call_repeatedly(LOOK_EVERY, self._served.look)

    def stop(self, worker: Any) -> None:
        """End it."""
        del worker
        if self._entry is not None:
            self._entry.cancel()
        self._served.end()

    def terminate(self, worker: Any) -> None:
        """The same in a hurry."""
        self.stop(worker)


class Served:
    """A server in a process of its own. Raises `ConfigurationError` where it cannot listen, or an extra is missing."""

    def __init__(self, at: ListenAt, pages: Callable[[], Pages]) -> None:
        self._pages = pages
        pages()  # raises where the extra is missing
        self._at = at
        self._pid = self._begun()

    def look(self) -> None:
        """Begin anew, where it has ended."""
        try:
            ended, _ = os.waitpid(self._pid, os.WNOHANG)
            if ended:
                log.warning("the process that serves metrics has ended, and another begins")
                self._pid = self._begun()
        except (ConfigurationError, ChildProcessError) as error:
            log.error("no metrics are served: %s", error)  # noqa: TRY400 - for operators

    def end(self) -> None:
        """It holds nothing that could be lost."""
        try:
            os.kill(self._pid, signal.SIGKILL)
            os.waitpid(self._pid, 0)
        except (ProcessLookupError, ChildProcessError):
            log.debug("the process that serves metrics had ended")

    def _begun(self) -> int:
        from notifier.telemetry.serving import listen  # noqa: PLC0415 - a web server, where one is asked for

        try:
            listening = listen(*self._at)
        except OSError as error:
            raise ConfigurationError(
                [f"NOTIFIER_METRICS: nothing can listen at {self._at}: {error.strerror or error}"]
            ) from error
        self._at = ListenAt(self._at.host, listening.getsockname()[1])  # a free one stays the same
        with listening:
            parent = os.getpid()
            pid = os.fork()
            if pid == 0:
                _serve(listening, self._pages, parent)
        log.info("metrics are served at http://%s/metrics", self._at)
        return pid


def _serve(listening: socket.socket, pages: Callable[[], Pages], parent: int) -> None:
    """In the forked process, which never comes back."""
    from notifier.telemetry.serving import MetricsServer  # noqa: PLC0415 - as above

    try:
        for number in _IGNORED:
            signal.signal(number, signal.SIG_IGN)
        MetricsServer(listening, pages(), alive=lambda: os.getppid() == parent).serve_forever()
    finally:
        os._exit(0)
