"""`CatchingServer`: a real SMTP server that keeps what it accepts. For demos, and for tests of mail code.

EHLO, PIPELINING, CHUNKING, 8BITMIME, SMTPUTF8, SIZE, ENHANCEDSTATUSCODES, STARTTLS with a throw-away certificate,
AUTH PLAIN and LOGIN. One thread a connection.
"""

from __future__ import annotations

import contextlib
import shutil
import socket
import ssl
import tempfile
import threading
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Self

from notifier.testing.conversation import Conversation, Peer, Rules
from notifier.testing.mailbox import Mailbox
from notifier.testing.script import Script

BACKLOG = 128
JOIN = 5.0  # seconds that a connection's thread gets at the end


class CatchingServer:
    """Listens on loopback; use it as a context manager, or `start` and `stop`.

    ``credentials`` maps users to passwords; with them MAIL needs AUTH. ``implicit_tls`` speaks TLS from the first
    octet. ``max_size`` is octets. ``journal`` see `Mailbox`.
    """

    def __init__(
        self,
        host: str = "127.0.0.1",
        port: int = 0,
        *,
        starttls: bool = True,
        implicit_tls: bool = False,
        credentials: Mapping[str, str] | None = None,
        script: Script | None = None,
        max_size: int = 50 * 2**20,
        journal: Path | None = None,
    ) -> None:
        self.host = host
        self.port = port
        self.mailbox = Mailbox(journal)
        self._starttls = starttls and not implicit_tls
        self._implicit_tls = implicit_tls
        self._credentials = dict(credentials or {})
        self._script = script or Script()
        self._max_size = max_size
        self._folder: Path | None = None
        self._context: ssl.SSLContext | None = None
        self._listener: socket.socket | None = None
        self._accepting: threading.Thread | None = None
        self._lock = threading.Lock()
        self._open: dict[threading.Thread, Peer] = {}
        self.connections = 0  # since the start

    @property
    def ca_file(self) -> str | None:
        """The PEM file to trust, while the server runs; None without TLS."""
        return str(self._folder / "ca.pem") if self._folder else None

    @property
    def url(self) -> str:
        """Ready for ``NOTIFIER_SMTP_URL`` (without user and password)."""
        if self._implicit_tls:
            return f"smtps://{self.host}:{self.port}?ca={self.ca_file}"
        if self._starttls:
            return f"smtp://{self.host}:{self.port}?tls=required&ca={self.ca_file}"
        return f"smtp://{self.host}:{self.port}?tls=none"

    def start(self) -> Self:
        """Listen. Raises `OSError` where the port is taken."""
        if self._starttls or self._implicit_tls:
            self._make_certificate()
        self._listener = socket.create_server((self.host, self.port), backlog=BACKLOG)
        self.port = self._listener.getsockname()[1]
        self._accepting = threading.Thread(target=self._accept, name="catching-server", daemon=True)
        self._accepting.start()
        return self

    def stop(self) -> None:
        """Close every connection and end every thread. `start` listens again, on the same port with the same certificate."""
        if self._listener is not None:
            with contextlib.suppress(OSError):
                self._listener.shutdown(socket.SHUT_RDWR)  # wakes the accepting thread
            self._listener.close()
            self._listener = None
        if self._accepting is not None:
            self._accepting.join(JOIN)
        with self._lock:
            remaining = dict(self._open)
        for thread, peer in remaining.items():
            peer.interrupt()
            thread.join(JOIN)

    def close(self) -> None:
        """Stop for good: the certificate's files and the journal are closed too."""
        self.stop()
        if self._folder is not None:
            shutil.rmtree(self._folder, ignore_errors=True)
            self._folder = None
        self.mailbox.close()

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _make_certificate(self) -> None:
        if self._folder is not None:
            return
        try:
            import trustme  # noqa: PLC0415 - an extra
        except ImportError as error:
            raise RuntimeError(
                "a throw-away certificate needs trustme: pip install 'notifier-worker[testing]', or starttls=False"
            ) from error
        authority = trustme.CA()
        self._folder = Path(tempfile.mkdtemp(prefix="notifier-catching-"))
        authority.cert_pem.write_to_path(str(self._folder / "ca.pem"))
        self._context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        authority.issue_cert(self.host, "localhost").configure_cert(self._context)

    def _accept(self) -> None:
        listener = self._listener
        while listener is not None:
            try:
                connection, _ = listener.accept()
                connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            except OSError:
                return  # closed by `stop`
            peer = Peer(connection, self._context)
            thread = threading.Thread(target=self._serve, args=(peer,), name="catching-connection", daemon=True)
            with self._lock:
                self._open[thread] = peer
                self.connections += 1
            thread.start()

    def _serve(self, peer: Peer) -> None:
        try:
            if self._implicit_tls:
                peer.start_tls()
            Conversation(peer, self._rules(), self._script, self.mailbox).run()
        except (OSError, EOFError):
            pass  # the client went away, which is its right
        finally:
            peer.close()
            with self._lock:
                self._open.pop(threading.current_thread(), None)

    def _rules(self) -> Rules:
        return Rules(starttls=self._starttls, credentials=self._credentials, max_size=self._max_size)
