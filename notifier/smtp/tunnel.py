"""A proxy's dialogue on a socket: every octet up to the tunnel's beginning is taken, and none of what is behind it."""

from __future__ import annotations

import select
import socket
from collections.abc import Callable
from contextlib import suppress

from notifier.smtp.deadline import Deadline
from notifier.smtp.proxy import MAX_HEAD, Dialogue


def lead_through(sock: socket.socket, dialogue: Dialogue, deadline: Deadline) -> None:
    """Do the dialogue on a connected, non-blocking socket.

    Raises `ProxyRefusal`, `TimeoutError`, and `OSError` where the proxy ends the connection; the socket is the caller's.
    """
    with suppress(StopIteration):  # the dialogue's end
        say = next(dialogue)
        while True:
            _write(sock, say.octets, deadline)
            say = dialogue.send(_read(sock, say.measure, deadline))


def _write(sock: socket.socket, octets: bytes, deadline: Deadline) -> None:
    while octets:
        _wait(sock, select.POLLOUT, deadline)
        with suppress(BlockingIOError):
            octets = octets[sock.send(octets) :]


def _read(sock: socket.socket, measure: Callable[[bytes], int | None], deadline: Deadline) -> bytes:
    """One answer. What has come is looked at before it is taken, so that the answer's end is never read over."""
    taken = b""
    while True:
        _wait(sock, select.POLLIN, deadline)
        with suppress(BlockingIOError):
            if not (seen := sock.recv(MAX_HEAD, socket.MSG_PEEK)):
                raise ConnectionResetError("it closed the connection")
            length = measure(taken + seen)
            taken += sock.recv(len(seen) if length is None else length - len(taken))
            if length is not None:
                return taken


def _wait(sock: socket.socket, events: int, deadline: Deadline) -> None:
    poller = select.poll()
    poller.register(sock.fileno(), events)
    if not poller.poll(deadline.remaining * 1000):
        raise TimeoutError
