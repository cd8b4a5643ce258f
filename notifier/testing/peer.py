"""The client's end of one connection, as a server reads it: lines, chunks, and messages that end in a dot."""

from __future__ import annotations

import socket
import ssl
import struct
import threading
from contextlib import suppress
from dataclasses import dataclass

from notifier.smtp.wrapping import wrapped

_READ = 256 * 1024  # octets asked for at once
LOOK_EVERY = 0.01  # seconds
_END = b"\r\n.\r\n"  # RFC 5321 section 4.1.1.4; nothing else ends a message, or mail can be smuggled behind it


@dataclass(frozen=True, slots=True)
class Cut:
    """The connection ends when the server has said, or has heard, so many octets in all, whatever they were; with a RST
    where ``reset``, else with a FIN. TLS does not count: octets are those that it carries.
    """

    said: int | None = None
    heard: int | None = None
    reset: bool = False


class Peer:
    """A socket with two buffers: octets that nobody has read yet, and replies that wait for the next read."""

    def __init__(
        self,
        connection: socket.socket,
        context: ssl.SSLContext | None = None,
        *,
        number: int = 0,
        cut: Cut | None = None,
    ) -> None:
        self.number = number  # of the connection, from 1
        self.said = self.heard = 0  # octets
        self._cut = cut or Cut()
        self._socket = connection
        self._context = context
        self._unread = bytearray()
        self._unsent = bytearray()
        self._ending = threading.Event()
        self._swap = threading.Lock()  # held while STARTTLS puts another socket in the place of the first

    @property
    def tls(self) -> str | None:
        """The TLS version, or None."""
        return self._socket.version() if isinstance(self._socket, ssl.SSLSocket) else None

    @property
    def has_unread(self) -> bool:
        """True where octets have come that nobody has read."""
        return bool(self._unread)

    def send_at_once(self) -> None:
        """No waiting for more to send (Nagle); a Unix socket does not wait anyway."""
        if self._socket.family != socket.AF_UNIX:
            self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def start_tls(self) -> None:
        """The server's side of the handshake. Raises `OSError` where it fails."""
        if self._context is None:
            raise OSError("there is no certificate")
        self.flush()
        with self._swap:
            encrypted = wrapped(self._context, self._socket, server_side=True)
            self._socket = encrypted
        encrypted.do_handshake()

    # replies --------------------------------------------------------------------------------------------------------

    def write(self, octets: bytes) -> None:
        """Send with the next `flush`: replies to a pipelined group leave together (RFC 2920 section 3.2)."""
        self._unsent += octets

    def flush(self) -> None:
        """Send all that was written."""
        if self._unsent:
            octets, self._unsent = bytes(self._unsent), bytearray()
            whole = len(octets)
            if self._cut.said is not None:
                octets = octets[: self._cut.said - self.said]
            self._socket.sendall(octets)
            self.said += len(octets)
            if len(octets) < whole or self.said == self._cut.said:
                self._end()

    def pause(self, seconds: float | None) -> None:
        """Let time pass, or (None) all of it. Raises `EOFError` where the server ends meanwhile."""
        self.flush()
        if self._ending.wait(seconds):
            raise EOFError

    def hold(self, released: threading.Event) -> None:
        """Wait for it. Raises `EOFError` where the server ends meanwhile."""
        while not released.is_set():
            self.pause(LOOK_EVERY)

    # commands and messages ------------------------------------------------------------------------------------------

    def await_octets(self) -> None:
        """Wait until there is something to read. Raises `EOFError`."""
        if not self._unread:
            self._fill()

    def line(self, limit: int, within: float | threading.Event | None = None) -> bytes:
        """The next line with its LF; one that is over ``limit`` octets comes cut, and without.

        Raises `EOFError`, and `TimeoutError` where the client says nothing for ``within`` seconds, or until that is set.
        """
        searched = 0
        while (end := self._unread.find(b"\n", searched, limit)) < 0 and len(self._unread) < limit:
            searched = len(self._unread)
            self._fill(within)
        return self._take(end + 1 if end >= 0 else limit)

    def chunk(self, size: int) -> bytes:
        """So many octets (BDAT)."""
        while len(self._unread) < size:
            self._fill()
        return self._take(size)

    def skip(self, size: int) -> None:
        """Read so many octets and keep none."""
        while size:
            self.await_octets()
            size -= len(self._take(min(size, len(self._unread))))

    def message(self, limit: int) -> bytes | None:
        """A message up to its CRLF . CRLF, dots unstuffed; None where it is over ``limit``, yet read to its end."""
        self._unread[:0] = b"\r\n"  # so that a dot in the very first column is like any other
        searched, over = 0, False
        while (end := self._unread.find(_END, max(0, searched - len(_END)))) < 0:
            if len(self._unread) > 2 * limit + len(_END):  # twice: stuffing adds one octet to each line of two
                over = True
                del self._unread[: -len(_END)]
            searched = len(self._unread)
            self._fill()
        octets = self._take(end + len(_END))[: end + 2]
        message = octets.replace(b"\r\n.", b"\r\n")[2:]
        return None if over or len(message) > limit else message

    def read_to_the_end(self) -> None:
        """Take what comes, and look at none of it, until the client closes."""
        while self._socket.recv(_READ):
            pass

    def close_for_writing(self) -> None:
        """The client finds the end; what it says is read still."""
        self.flush()
        self._socket.shutdown(socket.SHUT_WR)

    # the end --------------------------------------------------------------------------------------------------------

    def interrupt(self) -> None:
        """From another thread: whoever reads or waits on this connection finds its end."""
        self._ending.set()
        with self._swap, suppress(OSError):
            # Not SSLSocket's own, which takes the TLS object away from under the thread that reads it.
            socket.socket.shutdown(self._socket, socket.SHUT_RDWR)

    def reset(self) -> None:
        """Close with a RST in place of a FIN."""
        with suppress(OSError):
            self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            self._socket.close()

    def say_goodbye(self) -> None:
        """Send what is left, and in TLS the close_notify by which the client can tell an end from a cut."""
        self.flush()
        if isinstance(self._socket, ssl.SSLSocket):
            self._socket.setblocking(False)  # ours goes out; the client's is not waited for
            with suppress(ssl.SSLWantReadError):
                self._socket.unwrap()

    def close(self) -> None:
        """Close the socket."""
        with suppress(OSError):
            self._socket.close()

    def _take(self, count: int) -> bytes:
        octets = bytes(self._unread[:count])
        del self._unread[:count]
        return octets

    def _fill(self, within: float | threading.Event | None = None) -> None:
        self.flush()
        most = _READ if self._cut.heard is None else self._cut.heard - self.heard
        octets = self._socket.recv(most) if within is None else self._received(most, within)
        if not octets:
            raise EOFError
        self.heard += len(octets)
        self._unread += octets
        if self.heard == self._cut.heard:
            self._end()

    def _received(self, most: int, within: float | threading.Event) -> bytes:
        if isinstance(within, threading.Event):
            return self._received_until(most, within)
        self._socket.settimeout(within)
        try:
            return self._socket.recv(most)
        finally:
            self._socket.settimeout(None)

    def _received_until(self, most: int, over: threading.Event) -> bytes:
        while True:
            try:
                return self._received(most, LOOK_EVERY)
            except TimeoutError:
                if over.is_set():
                    raise

    def _end(self) -> None:
        """The cut. Raises `EOFError`."""
        if self._cut.reset:
            self.reset()
        raise EOFError
