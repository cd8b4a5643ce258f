"""`CatchingServer`: a real SMTP server that keeps what it accepts. For demos, and for tests of mail code.

EHLO, PIPELINING, CHUNKING, 8BITMIME, SMTPUTF8, SIZE, ENHANCEDSTATUSCODES, STARTTLS with a throw-away certificate,
AUTH PLAIN and LOGIN; or LMTP. One thread a connection.
"""

from __future__ import annotations

import socket
import sys
import threading
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from types import TracebackType
from typing import Self
from urllib.parse import quote

from notifier.testing.certificate import ThrowAwayCertificate
from notifier.testing.conversation import Conversation, Rules
from notifier.testing.held_port import HeldPort
from notifier.testing.listener import Listener
from notifier.testing.login import Logins
from notifier.testing.mailbox import Mailbox
from notifier.testing.peer import Peer
from notifier.testing.script import Script
from notifier.testing.visits import Visit, Visits

JOIN = 5.0  # seconds that a connection's thread gets at the end


class CatchingServer:
    """Listens on loopback; use it as a context manager, or `start`, `stop` and `close`.

    ``credentials`` maps users to passwords; with them MAIL needs AUTH, and AUTH needs TLS where TLS can be had.
    ``implicit_tls`` speaks TLS from the first octet. ``max_size`` is octets. ``max_connections`` at once; more get a 421
    at the greeting, and ``turned_away`` counts them. ``journal`` see `Mailbox`. ``lmtp`` speaks RFC 2033; with
    ``socket_path`` on a Unix socket, without TLS. ``patience``: seconds after which a silent client hears 421 and is
    left, or an event: while it is set every client that is silent is; None: it may stay. ``visits``: who came.
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
        max_connections: int | None = None,
        journal: Path | None = None,
        lmtp: bool = False,
        socket_path: Path | None = None,
        patience: float | threading.Event | None = None,
    ) -> None:
        self.host = host
        self.port = port
        self.mailbox = Mailbox(journal)
        self.visits = Visits()
        self.turned_away = 0
        self._max_connections = max_connections
        self._implicit_tls = implicit_tls and socket_path is None
        self._socket_path = socket_path
        self._script = script or Script()
        self._rules = Rules(
            starttls=starttls and not implicit_tls and socket_path is None,
            logins=Logins(credentials or {}),
            max_size=max_size,
            lmtp=lmtp or socket_path is not None,
            patience=patience,
        )
        self._certificate: ThrowAwayCertificate | None = None
        self._listener: Listener | None = None
        self._held: HeldPort | None = None
        self._lock = threading.Lock()
        self._open: dict[threading.Thread, Peer] = {}

    @property
    def connections(self) -> int:
        """How many there were since the start."""
        return len(self.visits) + self.turned_away

    @property
    def most_at_once(self) -> int:
        """Connections that were served side by side."""
        return self.visits.most

    @property
    def ca_file(self) -> str | None:
        """The PEM file to trust, until `close`; None without TLS."""
        return str(self._certificate.ca_file) if self._certificate else None

    @property
    def url(self) -> str:
        """Ready for ``NOTIFIER_SMTP_URL`` (without user and password)."""
        if self._socket_path is not None:
            return f"lmtp+unix://{quote(str(self._socket_path))}"
        host = f"[{self.host}]" if ":" in self.host else self.host
        ca = quote(self.ca_file or "")
        if self._implicit_tls:
            return f"smtps://{host}:{self.port}?ca={ca}"
        scheme = "lmtp" if self._rules.lmtp else "smtp"
        return f"{scheme}://{host}:{self.port}?" + (f"tls=required&ca={ca}" if self._rules.starttls else "tls=none")

    def use_credentials(self, credentials: Mapping[str, str]) -> None:
        """Other users and passwords from now on; who has logged in stays so."""
        self._rules = replace(self._rules, logins=Logins(credentials))

    def start(self) -> Self:
        """Listen. Raises `OSError` where the port is taken."""
        if self._listener is not None:
            raise RuntimeError("the server runs already")
        self._listener = self._listening()
        try:
            if self._certificate is None and (self._rules.starttls or self._implicit_tls):
                self._certificate = ThrowAwayCertificate(self.host)
        except BaseException:
            self.close()
            raise
        if self._socket_path is None:
            self.port = self._listener.port
        self._listener.start()
        return self

    def _listening(self) -> Listener:
        if self._socket_path is not None:
            return Listener(str(self._socket_path), self._begin)
        if not self.port and sys.platform == "linux":  # elsewhere none can be held
            self._held = HeldPort(self.host)
            self.port = self._held.number
        try:
            return Listener((self.host, self.port), self._begin)
        except BaseException:
            self._let_port_go()
            raise

    def _let_port_go(self) -> None:
        if self._held is not None:
            self._held.release()
            self._held = None

    def stop(self) -> None:
        """Close every connection and end every thread. `start` listens again: same port, same certificate."""
        if self._listener is not None:
            self._listener.stop()
            self._listener = None
        if self._socket_path is not None:
            self._socket_path.unlink(missing_ok=True)
        with self._lock:
            remaining = dict(self._open)
        for peer in remaining.values():
            peer.interrupt()
        for thread in remaining:
            thread.join(JOIN)

    def close(self) -> None:
        """Stop for good: the port is given back, and the certificate's files and the journal are closed."""
        self.stop()
        self._let_port_go()
        if self._certificate is not None:
            self._certificate.close()
            self._certificate = None
        self.mailbox.close()

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _begin(self, connection: socket.socket) -> None:
        if self._max_connections is not None and self.visits.now >= self._max_connections:
            self.turned_away += 1
            with connection:
                connection.sendall(b"421 4.7.0 Too many connections from here\r\n")
            return
        visit = self.visits.begin()
        context = self._certificate.context if self._certificate else None
        peer = Peer(connection, context, number=visit.number)
        thread = threading.Thread(target=self._serve, args=(peer, visit), name="catching-connection", daemon=True)
        with self._lock:
            self._open[thread] = peer
        thread.start()

    def _serve(self, peer: Peer, visit: Visit) -> None:
        try:
            peer.send_at_once()
            if self._implicit_tls:
                peer.start_tls()
            Conversation(peer, self._rules, self._script, self.mailbox, visit).run()
        except (OSError, EOFError):
            pass  # the client went away, which is its right
        finally:
            visit.end()
            peer.close()
            with self._lock:
                self._open.pop(threading.current_thread(), None)
