"""`Exchange`: commands and replies in lock step over any socket, with the protocol core's reply parser and deadlines."""

from __future__ import annotations

import select
import socket
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Protocol

from notifier.protocol.reply import Reply, ReplyParser
from notifier.smtp.deadline import Deadline

READ_SIZE = 64 * 1024
GREETING, END_OF_MESSAGE, RAW = "greeting", ".", ""  # what is answered too, and is no command of ours
_AT_LEAST = 0.001  # seconds: what lies in the socket already is read, however late it is asked for
_HELLO = frozenset({"helo", "ehlo", "lhlo"})  # they reset as well (RFC 5321 section 4.1.4)


class OutOfStep(Exception):
    """The peer has lost its place, or does not speak SMTP."""


class Ended(Exception):
    """EOF."""


class SocketLike(Protocol):
    """What is needed of a socket: programs bring their own (`SMTP._get_socket`)."""

    def settimeout(self, value: float | None, /) -> None: ...
    def recv(self, bufsize: int, /) -> bytes: ...
    def send(self, data: memoryview, /) -> int: ...


class Exchange:
    """One connection's replies, what they are replies to, and what follows from them.

    ``in_transaction``: MAIL was accepted, and nothing has ended its transaction; ``recipients``: how many RCPTs stand in it;
    ``in_message``: DATA was, and what goes out is the message's text, whatever it looks like. ``written``: octets so far.
    ``counting`` is over once octets were sent raw: how many replies they call for is their sender's business.
    """

    def __init__(self) -> None:
        self._parser = ReplyParser()
        self._replies: deque[Reply] = deque()
        self._awaited: deque[str] = deque()  # the verbs of what is owed a reply
        self._begun = False  # a reply was read
        self.in_transaction = False
        self.in_message = False
        self.recipients = 0
        self.written = 0
        self.counting = True

    def expect(self, verb: str, replies: int = 1) -> None:
        """So many replies to ``verb``, in small letters, are owed from now on."""
        self._awaited.extend([verb] * replies)

    def withdraw(self, replies: int) -> None:
        """The last so many will not come."""
        for _ in range(replies):
            self._awaited.pop()

    @property
    def owes(self) -> bool:
        """True where a reply is to come before that of the next command; unless others than this read all of them."""
        return self.counting and self._begun and bool(self._awaited)

    def write(self, sock: SocketLike, octets: bytes, deadline: Deadline | None) -> None:
        """Send them all. Raises `OSError`."""
        view = memoryview(octets)
        with _timeout_kept(sock):
            while view:
                sock.settimeout(_seconds(deadline))
                sent = sock.send(view)
                self.written += sent
                view = view[sent:]

    def read(self, sock: SocketLike, deadline: Deadline | None) -> Reply:
        """The next reply. Raises `OutOfStep`, `Ended`, `OSError`."""
        with _timeout_kept(sock):
            while not self._replies:
                self._read_more(sock, deadline)
        reply = self._replies.popleft()
        self._note(self._awaited.popleft() if self._awaited else RAW, reply.code)
        return reply

    def _read_more(self, sock: SocketLike, deadline: Deadline | None) -> None:
        if self._parser.violation is not None:
            raise OutOfStep(self._parser.violation)
        sock.settimeout(_seconds(deadline))
        octets = sock.recv(READ_SIZE)
        if not octets:
            raise Ended
        self._replies.extend(self._parser.feed(octets))

    def _note(self, verb: str, code: int) -> None:
        self._begun = True
        self.in_message = code == 354 and verb in {"data", RAW}
        if verb == "rcpt" and code in (250, 251):
            self.recipients += 1
        elif verb == "mail" and code == 250:
            self.in_transaction, self.recipients = True, 0
        elif verb in {END_OF_MESSAGE, "rset"} or (verb in _HELLO and code == 250):
            self.in_transaction, self.recipients = False, 0

    def unasked(self, sock: SocketLike) -> str | None:
        """What is there though no reply is owed, in words; None where nothing is."""
        if self._awaited or not self.counting:
            return None
        if not (self._replies or self._parser.pending):
            self._replies.extend(self._parser.feed(_at_hand(sock)))
        if self._replies:
            return f"a reply that no command asked for: {self._replies[0]}"
        return "octets that no command asked for" if self._parser.pending or self._parser.violation else None

    @property
    def left_over(self) -> bool:
        """True where octets lie behind the last reply that was read."""
        return bool(self._replies or self._parser.pending or self._parser.violation)


def timeout_of(sock: SocketLike, otherwise: float | None = None) -> float | None:
    """Seconds, or ``otherwise`` where a program's own kind of socket does not say."""
    told: Callable[[], float | None] | None = getattr(sock, "gettimeout", None)
    return told() if told else otherwise


@contextmanager
def _timeout_kept(sock: SocketLike) -> Iterator[None]:
    """What is left of a deadline is the socket's timeout only meanwhile: programs look at it, and set it."""
    seconds = timeout_of(sock)
    try:
        yield
    finally:
        sock.settimeout(seconds)


def _seconds(deadline: Deadline | None) -> float | None:
    return None if deadline is None else max(deadline.remaining, _AT_LEAST)


def _at_hand(sock: SocketLike) -> bytes:
    """What can be read without waiting. EOF and errors are nothing here: they say themselves at the next use."""
    if not isinstance(sock, socket.socket) or sock.fileno() < 0 or not _readable(sock):
        return b""  # a socket of a program's own is trusted to be in step
    with _timeout_kept(sock):
        sock.settimeout(0)
        try:
            return sock.recv(READ_SIZE)
        except OSError:  # among them SSLWantReadError: TLS has records of its own, such as session tickets
            return b""


def _readable(sock: socket.socket) -> bool:
    if getattr(sock, "pending", int)():  # an SSLSocket has octets that were decrypted already
        return True
    poller = select.poll()
    poller.register(sock.fileno(), select.POLLIN)
    return bool(poller.poll(0))
