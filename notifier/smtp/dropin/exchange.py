"""`Exchange`: commands and replies in lock step over any socket, with the protocol core's reply parser and deadlines."""

from __future__ import annotations

import select
import socket
from collections import deque
from typing import Protocol

from notifier.protocol.reply import Reply, ReplyParser
from notifier.smtp.deadline import Deadline

READ_SIZE = 64 * 1024
_AT_LEAST = 0.001  # seconds: what lies in the socket already is read, however late it is asked for


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
    """One connection's replies. ``owed``: how many are still to come; None once octets were sent raw."""

    def __init__(self) -> None:
        self._parser = ReplyParser()
        self._replies: deque[Reply] = deque()
        self.owed: int | None = 1  # the greeting

    def write(self, sock: SocketLike, octets: bytes, deadline: Deadline | None) -> None:
        """Send them all. Raises `OSError`."""
        view = memoryview(octets)
        while view:
            sock.settimeout(_seconds(deadline))
            view = view[sock.send(view) :]

    def read(self, sock: SocketLike, deadline: Deadline | None) -> Reply:
        """The next reply. Raises `OutOfStep`, `Ended`, `OSError`."""
        while not self._replies:
            if self._parser.violation is not None:
                raise OutOfStep(self._parser.violation)
            sock.settimeout(_seconds(deadline))
            octets = sock.recv(READ_SIZE)
            if not octets:
                raise Ended
            self._replies.extend(self._parser.feed(octets))
        if self.owed is not None:
            self.owed -= 1
        return self._replies.popleft()

    def unasked(self, sock: SocketLike) -> str | None:
        """What is there though no reply is owed, in words; None where nothing is."""
        if self.owed != 0:
            return None
        if not (self._replies or self._parser.pending) and _has_octets(sock):
            self._replies.extend(self._parser.feed(sock.recv(READ_SIZE)))  # EOF says itself at the next read
        if self._replies:
            return f"a reply that no command asked for: {self._replies[0]}"
        return "octets that no command asked for" if self._parser.pending or self._parser.violation else None

    @property
    def left_over(self) -> bool:
        """True where octets lie behind the last reply that was read."""
        return bool(self._replies or self._parser.pending or self._parser.violation)


def _seconds(deadline: Deadline | None) -> float | None:
    return None if deadline is None else max(deadline.remaining, _AT_LEAST)


def _has_octets(sock: SocketLike) -> bool:
    if not isinstance(sock, socket.socket) or sock.fileno() < 0:
        return False  # a program's own; it is trusted to be in step
    pending = getattr(sock, "pending", None)
    if pending is not None and pending() > 0:
        return True
    poller = select.poll()
    poller.register(sock.fileno(), select.POLLIN)
    # TLS may have records of its own there (session tickets), which are no octets of the dialogue: a read would block.
    return bool(poller.poll(0)) and pending is None
