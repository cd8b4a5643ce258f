"""`NetworkStream`: a connected socket, plain or TLS. All I/O fits in these methods; every wait has its deadline.

The socket is non-blocking throughout. While octets are written, what the server says is taken in as well, so that two
full windows never wait for each other.
"""

from __future__ import annotations

import errno
import select
import socket
import ssl
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from typing import Any

from notifier.errors import DeliveryError, Phase, fault_error
from notifier.protocol import taxonomy
from notifier.protocol.sasl import ChannelBinding
from notifier.smtp import tls
from notifier.smtp.channel_binding import channel_bindings
from notifier.smtp.deadline import Deadline
from notifier.smtp.endpoint import Endpoint

READ_SIZE = 16 * 1024
_NOT_YET = (BlockingIOError, ssl.SSLWantReadError, ssl.SSLWantWriteError)
_LOCAL_SHORTAGE = frozenset({errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.EADDRNOTAVAIL, errno.ENOMEM})


class StreamTimeout(Exception):
    """The deadline passed."""


class StreamClosed(Exception):
    """EOF, reset, or a broken pipe."""


def _closed(error: OSError) -> StreamClosed:
    """Foreign errors become ours here and nowhere else."""
    if isinstance(error, ssl.SSLError):
        return StreamClosed(f"TLS: {error.reason or error}")
    return StreamClosed(error.strerror or str(error))


class NetworkStream:
    """Octets to and from one server."""

    def __init__(self, sock: socket.socket) -> None:
        sock.setblocking(False)
        self._socket = sock
        self._encrypted = False
        self._readable = select.poll()  # kept, because making one costs as much as asking it
        self._readable.register(sock.fileno(), select.POLLIN)

    @classmethod
    def connect(cls, endpoint: Endpoint) -> NetworkStream:
        """Connect to the first address of the host that answers, within ``timeouts.connect`` seconds for all.

        Raises a `DeliveryError` leaf: rows D1, D3, C1 to C4.
        """
        deadline = Deadline.after(endpoint.timeouts.connect)
        if endpoint.socket_path is not None:
            return cls(_connected(socket.AF_UNIX, endpoint.socket_path, endpoint, deadline))
        *others, last = _addresses(endpoint)  # one at least, or it raises
        for family, address in others:
            try:
                return cls(_connected(family, address, endpoint, deadline))
            except DeliveryError:
                continue  # the error that is told is that of the last address
        return cls(_connected(*last, endpoint, deadline))

    @property
    def tls(self) -> str | None:
        """Version and cipher, or None for clear text."""
        return tls.described(self._socket) if isinstance(self._socket, ssl.SSLSocket) else None

    @property
    def certificate(self) -> Mapping[str, Any] | None:
        """The peer's, verified; None in clear text."""
        return self._socket.getpeercert() if isinstance(self._socket, ssl.SSLSocket) else None

    @property
    def bindings(self) -> tuple[ChannelBinding, ...]:
        """What can tie a login to this connection; nothing in clear text."""
        return tuple(channel_bindings(self._socket)) if isinstance(self._socket, ssl.SSLSocket) else ()

    @property
    def is_loopback(self) -> bool:
        """True where the peer is on this host."""
        if self._socket.family == socket.AF_UNIX:
            return True
        with suppress(OSError):
            host = str(self._socket.getpeername()[0])
            return host == "::1" or host.startswith(("127.", "::ffff:127."))
        return False

    def start_tls(self, context: ssl.SSLContext, host: str, deadline: Deadline) -> None:
        """Shake hands, with ``host`` as SNI and as the name that the certificate must be for.

        Raises `ssl.SSLError`, `OSError`, `StreamTimeout`; the stream is of no use then.
        """
        self._socket = context.wrap_socket(self._socket, server_hostname=host, do_handshake_on_connect=False)
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
        while True:
            if not (self._encrypted and self._decrypted) and not self._readable.poll(deadline.remaining * 1000):
                raise StreamTimeout
            if (data := self.read_now()) is not None:
                return data

    @property
    def readable(self) -> bool:
        """True where `read_now` may have something: octets, or the news of an end."""
        return self._decrypted or bool(self._readable.poll(0))

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
            raise _closed(error) from error
        if not data:
            raise StreamClosed("the server closed the connection")
        return data

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
        view = memoryview(data)
        while view:
            try:
                count = self._socket.send(view)
            except (BlockingIOError, ssl.SSLWantWriteError):
                events = select.POLLIN | select.POLLOUT
            except ssl.SSLWantReadError:
                events = select.POLLIN
            except OSError as error:
                raise _closed(error) from error
            else:
                on_written(count)
                view = view[count:]
                continue
            if self._wait(events, deadline) & select.POLLIN and (octets := self.read_now()):
                on_octets(octets)

    def close(self) -> None:
        """Close the socket. No TLS goodbye is written: after QUIT none is needed, and in doubt none is wanted."""
        with suppress(OSError):
            self._socket.close()

    def _wait(self, events: int, deadline: Deadline) -> int:
        poller = select.poll()
        poller.register(self._socket.fileno(), events)
        ready = poller.poll(deadline.remaining * 1000)
        if not ready:
            raise StreamTimeout
        return ready[0][1]


def _addresses(endpoint: Endpoint) -> Iterator[tuple[int, object]]:
    try:
        found = socket.getaddrinfo(endpoint.host, endpoint.port, type=socket.SOCK_STREAM)
    except (socket.gaierror, UnicodeError) as error:
        unknown = getattr(error, "errno", None) in (socket.EAI_NONAME, getattr(socket, "EAI_NODATA", None))
        row = "D1" if unknown or isinstance(error, UnicodeError) else "D3"
        words = f"host name {endpoint.host!r} cannot be looked up: {getattr(error, 'strerror', None) or error}"
        raise fault_error(taxonomy.fault(row, Phase.DNS, words, host=endpoint.name)) from error
    yield from ((family, address) for family, _, _, _, address in found)


def _connected(family: int, address: object, endpoint: Endpoint, deadline: Deadline) -> socket.socket:
    try:
        sock = socket.socket(family, socket.SOCK_STREAM)
    except OSError as error:
        raise _connect_error("C3", error, endpoint) from error
    try:
        _prepare(sock, family, endpoint)
        sock.settimeout(max(deadline.remaining, 0.001))
        sock.connect(address)  # type: ignore[arg-type]  # as getaddrinfo gave it
    except DeliveryError:  # some are OSErrors too
        sock.close()
        raise
    except TimeoutError as error:
        sock.close()
        raise _connect_error("C2", error, endpoint) from error
    except OSError as error:
        sock.close()
        raise _connect_error(_row(error), error, endpoint) from error
    except BaseException:
        sock.close()
        raise
    return sock


def _row(error: OSError) -> str:
    if error.errno in _LOCAL_SHORTAGE:
        return "C3"
    return "C5" if error.errno == errno.ECONNRESET else "C1"  # accepted, and thrown out before a word was said


def _prepare(sock: socket.socket, family: int, endpoint: Endpoint) -> None:
    if family == socket.AF_UNIX:
        return
    # Without it a message over 16 KB stalls 40 ms on its last segment.
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    if endpoint.source_address is not None:
        try:
            sock.bind((endpoint.source_address, 0))
        except OSError as error:
            raise _connect_error("C4", error, endpoint) from error


def _connect_error(row: str, error: OSError, endpoint: Endpoint) -> DeliveryError:
    words = "no answer in time" if isinstance(error, TimeoutError) else error.strerror or str(error)
    return fault_error(taxonomy.fault(row, Phase.CONNECT, f"cannot connect: {words}", host=endpoint.name))
