"""`NetworkStream`: a connected socket, plain or TLS. All I/O fits in these methods; every wait has its deadline.

The socket is non-blocking throughout. While octets are written, what the server says is taken in as well, so that two
full windows never wait for each other.
"""

from __future__ import annotations

import select
import socket
import ssl
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import Any

from notifier.protocol.sasl.scram import ChannelBinding
from notifier.smtp import tls
from notifier.smtp.certificate_chain import shown_chain
from notifier.smtp.channel_binding import channel_bindings
from notifier.smtp.connecting import connected
from notifier.smtp.deadline import Deadline
from notifier.smtp.endpoint import Endpoint
from notifier.smtp.pinning import pin_of
from notifier.smtp.resolving import Resolve, system_addresses
from notifier.smtp.wrapping import wrapped

READ_SIZE = 16 * 1024
RECORD = 16 * 1024  # octets of clear text in one of TLS, at most (RFC 8446 section 5.1)
_CORK: int | None = getattr(socket, "TCP_CORK", None)  # of Linux
_NOT_YET = (BlockingIOError, ssl.SSLWantReadError, ssl.SSLWantWriteError)


class StreamTimeout(Exception):
    """The deadline passed."""


class StreamClosed(Exception):
    """EOF, reset, or a broken pipe."""


class NetworkStream:
    """Octets to and from one server."""

    def __init__(self, sock: socket.socket, *, proxied: bool = False) -> None:
        sock.setblocking(False)
        self._proxied = proxied
        self._socket = sock
        self._encrypted = False
        self.ended = False  # by the server, or by the network
        self._readable = select.poll()  # kept, because making one costs as much as asking it
        self._readable.register(sock.fileno(), select.POLLIN)

    @classmethod
    def connect(cls, endpoint: Endpoint, resolve: Resolve = system_addresses) -> NetworkStream:
        """Connect to the address of the host that answers first, within ``timeouts.connect`` seconds for all.

        ``resolve`` gives the addresses of a host and port. Raises a `DeliveryError` leaf: rows D1, D3, C1 to C5.
        """
        proxied = endpoint.proxy is not None and endpoint.socket_path is None
        return cls(connected(endpoint, resolve), proxied=proxied)

    @property
    def tls(self) -> str | None:
        """Version and cipher, or None for clear text."""
        return tls.described(self._socket) if isinstance(self._socket, ssl.SSLSocket) else None

    @property
    def certificate(self) -> Mapping[str, Any] | None:
        """The peer's, verified; None in clear text, and empty where nothing verified it."""
        return self._socket.getpeercert() if isinstance(self._socket, ssl.SSLSocket) else None

    @property
    def chain(self) -> list[bytes]:
        """The certificates that the peer has shown, DER, its own first; verified or not. Nothing in clear text."""
        return shown_chain(self._socket) if isinstance(self._socket, ssl.SSLSocket) else []

    @property
    def key_pin(self) -> str | None:
        """The pin of the server's key (``sha256/…``); None in clear text."""
        certificate = self._socket.getpeercert(binary_form=True) if isinstance(self._socket, ssl.SSLSocket) else None
        return pin_of(certificate) if certificate else None

    @property
    def bindings(self) -> tuple[ChannelBinding, ...]:
        """What can tie a login to this connection; nothing in clear text."""
        return tuple(channel_bindings(self._socket)) if isinstance(self._socket, ssl.SSLSocket) else ()

    @property
    def is_loopback(self) -> bool:
        """True where the server is on this host."""
        if self._proxied:
            return False  # the proxy is; what it leads to may be anywhere, and gets no password in clear text
        if self._socket.family == socket.AF_UNIX:
            return True
        with suppress(OSError):
            host = str(self._socket.getpeername()[0])
            return host == "::1" or host.startswith(("127.", "::ffff:127."))
        return False

    def start_tls(self, context: ssl.SSLContext, host: str, deadline: Deadline) -> None:
        """Shake hands, with ``host`` as SNI, and as the name that the certificate must be for where ``context`` looks at it.

        Raises `ssl.SSLError`, `OSError`, `StreamTimeout`; the stream is of no use then.
        """
        self._socket = wrapped(context, self._socket, server_hostname=host)
        self._encrypted = True
        while True:
            try:
                self._socket.do_handshake()
            except ssl.SSLWantReadError:
                self._wait(select.POLLIN, deadline)
            except ssl.SSLWantWriteError:
                self._wait(select.POLLOUT, deadline)
            else:
                return

    def read(self, deadline: Deadline) -> bytes:
        """The next octets. Raises `StreamTimeout`, `StreamClosed` (EOF too)."""
        data = None
        while data is None:
            if not (self._encrypted and self._decrypted) and not self._readable.poll(deadline.remaining * 1000):
                raise StreamTimeout
            data = self.read_now()
        return data

    @property
    def readable(self) -> bool:
        """True where `read_now` may have something: octets, or the news of an end."""
        return (self._encrypted and self._decrypted) or bool(self._readable.poll(0))

    @property
    def _decrypted(self) -> bool:
        """True where TLS holds octets that the socket has no longer."""
        return isinstance(self._socket, ssl.SSLSocket) and self._socket.pending() > 0

    def read_now(self) -> bytes | None:
        """What has come already, or None. Raises `StreamClosed`."""
        try:
            data = self._socket.recv(READ_SIZE)
        except _NOT_YET:
            return None
        except OSError as error:
            raise self._over(error) from error
        if not data:
            self.ended = True
            raise StreamClosed("the server closed the connection")
        return data

    def write_now(self, data: bytes) -> int:
        """Write what the system takes at once of ``data``; how many octets that is. Raises `StreamClosed`."""
        if self._encrypted and len(data) > RECORD:
            return 0  # several records are `write`'s, which corks them
        try:
            return self._socket.send(data)
        except _NOT_YET:
            return 0
        except OSError as error:
            raise self._over(error) from error

    def write(
        self,
        data: bytes,
        deadline: Deadline,
        on_written: Callable[[int], None],
        on_octets: Callable[[bytes], None],
    ) -> None:
        """Write all of ``data``, telling ``on_written`` what the system took; what comes meanwhile goes to ``on_octets``.

        Raises `StreamTimeout`, `StreamClosed`.
        """
        if not self._encrypted or len(data) <= RECORD:
            self._write(data, deadline, on_written, on_octets)
            return
        self._cork(on=True)
        try:
            self._write(data, deadline, on_written, on_octets)
        finally:
            self._cork(on=False)

    def _cork(self, *, on: bool) -> None:
        """Records of TLS are written one by one: corked, they share segments, and the peer wakes up once for several."""
        if _CORK is not None:
            with suppress(OSError):  # a socket of the UNIX family has no segments
                self._socket.setsockopt(socket.IPPROTO_TCP, _CORK, on)

    def _write(
        self,
        data: bytes,
        deadline: Deadline,
        on_written: Callable[[int], None],
        on_octets: Callable[[bytes], None],
    ) -> None:
        view: bytes | memoryview = data
        while view:
            try:
                count = self._socket.send(view)
            except (BlockingIOError, ssl.SSLWantWriteError):
                events = select.POLLIN | select.POLLOUT
            except ssl.SSLWantReadError:
                events = select.POLLIN
            except OSError as error:
                raise self._over(error) from error
            else:
                on_written(count)
                if count == len(view):
                    return
                view = memoryview(view)[count:]
                continue
            if self._wait(events, deadline) & select.POLLIN and (octets := self.read_now()):
                on_octets(octets)

    def close(self) -> None:
        """Close the socket. No TLS goodbye is written: after QUIT none is needed, and in doubt none is wanted."""
        try:  # one for each connection, and `suppress` is two calls more
            self._socket.close()
        except OSError:
            return

    def _over(self, error: OSError) -> StreamClosed:
        """Foreign errors become ours here and nowhere else."""
        self.ended = True
        if isinstance(error, ssl.SSLError):
            return StreamClosed(f"TLS: {error.reason or error}")
        return StreamClosed(error.strerror or str(error))

    def _wait(self, events: int, deadline: Deadline) -> int:
        poller = select.poll()
        poller.register(self._socket.fileno(), events)
        ready = poller.poll(deadline.remaining * 1000)
        if not ready:
            raise StreamTimeout
        return ready[0][1]
