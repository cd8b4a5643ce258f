"""Happy eyeballs (RFC 8305): connection attempts side by side, each begun a moment after the one before.

An address that swallows packets costs that moment, not its whole timeout. One poll loop on non-blocking sockets, without
threads; `select.poll` is looked up when it is called, so it is gevent's where gevent has put its own there.
"""

from __future__ import annotations

import errno
import os
import select
import socket
import time
from collections import deque
from collections.abc import Callable, Iterable

from notifier.smtp.deadline import Deadline
from notifier.smtp.resolving import LOCAL_SHORTAGE, Address

ATTEMPT_DELAY = 0.25  # seconds (RFC 8305 section 5)
_UNDER_WAY = frozenset({errno.EINPROGRESS, errno.EINTR})  # POSIX: an interrupted connect goes on by itself


def alone(address: Address, deadline: Deadline, prepare: Callable[[socket.socket], None]) -> socket.socket:
    """What a race of one would give, without the race.

    Raises `OSError`, `TimeoutError` when the time is over, and what ``prepare`` raises; nothing stays open then.
    """
    sock = socket.socket(address.family, socket.SOCK_STREAM)
    try:
        sock.setblocking(False)
        prepare(sock)
        number = sock.connect_ex(address.sockaddr)
        if number in _UNDER_WAY:
            poller = select.poll()
            poller.register(sock, select.POLLOUT)
            if not poller.poll(deadline.remaining * 1000):
                raise TimeoutError(errno.ETIMEDOUT, "no answer in time")
            number = sock.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
        if number:
            raise OSError(number, os.strerror(number))
    except BaseException:
        sock.close()
        raise
    return sock


class Race:
    """``prepare`` is called with each socket before it connects. ``failures`` holds one error for each that lost.

    Whoever asks for the winner owns it; the others are closed, whatever happens.
    """

    def __init__(
        self,
        addresses: Iterable[Address],
        deadline: Deadline,
        *,
        delay: float = ATTEMPT_DELAY,
        prepare: Callable[[socket.socket], None] = lambda _: None,
    ) -> None:
        self.failures: list[OSError] = []
        self._deadline = deadline
        self._delay = delay
        self._prepare = prepare
        self._waiting = deque(addresses)
        self._next_start = 0.0  # monotonic seconds
        self._under_way: dict[int, socket.socket] = {}  # by descriptor, in the order of their starts

    def winner(self) -> socket.socket | None:
        """The first socket that connects; None where none does.

        Raises `OSError` where this host has run short of what a socket needs, and what ``prepare`` raises.
        """
        try:
            return self._first()
        finally:
            for sock in self._under_way.values():
                sock.close()

    def _first(self) -> socket.socket | None:
        while self._waiting or self._under_way:
            if (sock := self._start_next() or self._first_of_those_that_ended()) is not None:
                return sock
            if not self._deadline.remaining:
                self.failures.append(TimeoutError(errno.ETIMEDOUT, "no answer in time"))
                return None
        return None

    def _start_next(self) -> socket.socket | None:
        """Begin the next attempt where it is time; a socket where that connects at once."""
        if not self._waiting or time.monotonic() < self._next_start:
            return None
        address = self._waiting.popleft()
        self._next_start = time.monotonic() + self._delay
        try:
            return self._attempt(address)
        except OSError as error:
            if error.errno in LOCAL_SHORTAGE:
                raise  # the other addresses would meet the same
            self._failed(error)
        return None

    def _attempt(self, address: Address) -> socket.socket | None:
        sock = socket.socket(address.family, socket.SOCK_STREAM)
        try:
            sock.setblocking(False)
            self._prepare(sock)
            sock.connect(address.sockaddr)
        except OSError as error:
            if error.errno in _UNDER_WAY:
                self._under_way[sock.fileno()] = sock
                return None
            sock.close()
            raise
        except BaseException:
            sock.close()
            raise
        return sock

    def _first_of_those_that_ended(self) -> socket.socket | None:
        ended = {descriptor for descriptor, _ in self._wait()}
        for descriptor in [one for one in self._under_way if one in ended]:
            sock = self._under_way.pop(descriptor)
            number = sock.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
            if not number:
                return sock
            sock.close()
            self._failed(OSError(number, os.strerror(number)))
        return None

    def _wait(self) -> list[tuple[int, int]]:
        """Until an attempt ends, the next one is due, or the time is over."""
        if not self._under_way:
            return []
        poller = select.poll()
        for descriptor in self._under_way:
            poller.register(descriptor, select.POLLOUT)
        seconds = self._deadline.remaining
        if self._waiting:
            seconds = min(seconds, max(0.0, self._next_start - time.monotonic()))
        return poller.poll(seconds * 1000)

    def _failed(self, error: OSError) -> None:
        self.failures.append(error)
        self._next_start = 0.0  # RFC 8305 section 5: a failure begins the next attempt at once
