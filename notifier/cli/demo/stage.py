"""What the demo runs on: a Valkey, a catching server, a page and a worker; each can be one of your own."""

from __future__ import annotations

import os
import sys
import tempfile
import time
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import Self

from rich.console import Console

from notifier.console.mailbox_page import MailboxPage
from notifier.settings import Settings
from notifier.tasks.app import use_settings
from notifier.tasks.runtime import runtime, shut_down
from notifier.testing import CatchingServer, EmbeddedValkey, Mailbox, Script
from notifier.testing.supervised import SupervisedProcess

GREYLISTED = "greylisted"  # local parts that begin so are deferred once
REFUSED = "no-such-user"  # and this one is refused for good
SLOTS = 2
WORKER_STARTS_WITHIN = 30.0  # seconds
LOG_LINES = 15  # of the worker's log, where it does not come up

# The demo's clocks: hours of patience become seconds. Each is a setting like any other.
SCALED = {
    "NOTIFIER_RETRY_SCALE": "0.01",
    "NOTIFIER_SWEEP_INTERVAL": "1",
    "NOTIFIER_LEASE": "4",
    "NOTIFIER_DOT_DEADLINE": "2",
    "NOTIFIER_TCP_USER_TIMEOUT": "0.5",
    "NOTIFIER_DOT_MARGIN": "0.5",
    "NOTIFIER_TIME_SLICE": "1",
}
FINAL_REPLY = "timeout_final_reply=3"


def demo_script() -> Script:
    """How the catching server treats the rows that are not like the others."""
    return (
        Script()
        .defer_first(lambda recipient: recipient.startswith(GREYLISTED))
        .refuse(lambda recipient: recipient.startswith(REFUSED))
    )


def site_folder() -> Path:
    """Where ``worker.py`` and ``celeryconfig.py`` are: in the package, or at the top of the source tree."""
    packaged = Path(__file__).parent / "site"
    return packaged if (packaged / "worker.py").is_file() else Path(__file__).resolve().parents[3]


class Stage:
    """Starts what the demo needs, in order, and ends it in reverse. ``mailbox`` is None with a relay of your own."""

    def __init__(self, console: Console, *, smtp_url: str | None, broker_url: str | None, port: int) -> None:
        self._console = console
        self._smtp_url = smtp_url
        self._broker_url = broker_url
        self._port = port
        self._stack = ExitStack()
        self._worker: SupervisedProcess | None = None
        self.mailbox: Mailbox | None = None
        self.page_url: str | None = None
        self.environ: dict[str, str] = {}
        self.restarts = 0

    def __enter__(self) -> Self:
        try:
            self._enter()
        except BaseException:
            self._stack.close()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stack.close()

    def _enter(self) -> None:
        folder = Path(self._stack.enter_context(tempfile.TemporaryDirectory(prefix="notifier-demo-")))
        self._log = folder / "worker.log"
        broker = self._broker_url or self._start_valkey()
        relay = self._smtp_url or self._start_server()
        self.environ = {
            **{name: value for name, value in os.environ.items() if not name.startswith("NOTIFIER_")},
            **SCALED,
            "NOTIFIER_BROKER_URL": broker,
            "NOTIFIER_SMTP_URL": relay,
            "NOTIFIER_FROM": "Meridian Paper Goods <orders@shop.example>",
        }
        use_settings(Settings.load(self.environ))
        self._stack.callback(shut_down, 0.0)
        self._stack.callback(self._stop_worker)
        self._start_worker()
        self._wait_for_worker()

    def _start_valkey(self) -> str:
        valkey = self._stack.enter_context(EmbeddedValkey())
        self._console.print(f"store and broker  {valkey.url}  (Valkey, append-only file on)")
        return valkey.url

    def _start_server(self) -> str:
        server = self._stack.enter_context(CatchingServer(script=demo_script()))
        self.mailbox = server.mailbox
        page = self._stack.enter_context(MailboxPage(server.mailbox, port=self._port))
        self.page_url = page.url
        self._console.print(f"mail server       {server.host}:{server.port}  (STARTTLS, catches everything)")
        self._console.print(f"mail to read      {page.url}")
        return f"{server.url}&{FINAL_REPLY}"

    # the worker -----------------------------------------------------------------------------------------------------

    def _start_worker(self) -> None:
        command = [sys.executable, "-m", "celery", "-A", "worker", "worker", "-c", str(SLOTS), "-l", "INFO"]
        with self._log.open("ab") as log:
            self._worker = SupervisedProcess(command, env=self.environ, cwd=site_folder(), output=log)
        self._console.print(f"worker            celery -A worker worker -c {SLOTS}  (process {self._worker.pid})")

    def _wait_for_worker(self) -> None:
        """Until it has given a sign of life, so that the figures are about mail and not about starting."""
        ends = time.monotonic() + WORKER_STARTS_WITHIN
        while not runtime().store.live_slots("mail"):
            self.keep_worker()
            if time.monotonic() > ends:
                raise RuntimeError(f"the worker did not come up; its last words:\n{self._last_words()}")
            time.sleep(0.05)

    def _last_words(self) -> str:
        return "\n".join(self._log.read_text(errors="replace").splitlines()[-LOG_LINES:])

    def keep_worker(self) -> None:
        """Start the worker again if it has ended, as a service manager does. Raises `RuntimeError` at the third time."""
        if self._worker is None or self._worker.running:
            return
        self._worker.kill()  # what is left of its group
        self.restarts += 1
        if self.restarts > 2:
            raise RuntimeError(f"the worker ends again and again; its last words:\n{self._last_words()}")
        self._start_worker()

    def kill_worker(self) -> None:
        """SIGKILL for the worker and all its children, in mid-run."""
        if self._worker is not None:
            self._console.print(f"kill -9           the worker's whole process group ({self._worker.pid})")
            self._worker.kill()

    def _stop_worker(self) -> None:
        if self._worker is not None:
            self._worker.stop()
