"""A log that nobody reads must not stop the mail: lines that a full pipe or socket does not take are dropped and counted."""

from __future__ import annotations

import io
import logging
import os
import socket
import stat
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from functools import partial


@dataclass(frozen=True, slots=True)
class Sink:
    """``send`` takes octets, says how many it took, and raises `BlockingIOError` where it takes none now."""

    send: Callable[[bytes], int]
    close: Callable[[], None]


class UnblockedStream(io.TextIOBase):
    """For a `logging.StreamHandler`. Each write is a line, and is taken whole or not at all: what was begun goes on before
    anything else does. ``told`` makes the line that says how many were lost.
    """

    def __init__(self, sink: Sink, told: Callable[[int], str]) -> None:
        super().__init__()
        self._sink = sink
        self._told = told
        self._lost = 0
        self._rest = b""  # of the line that was begun
        self._pid = os.getpid()

    def write(self, text: str) -> int:
        """All of the text; now, or as much of it as is taken now, or never."""
        if os.getpid() != self._pid:  # the parent ends its own line
            self._pid, self._rest, self._lost = os.getpid(), b"", 0
        try:
            if self._lost:
                self._begin(self._told(self._lost))
                self._lost = 0
            self._begin(text)
        except BlockingIOError:
            self._lost += 1
        return len(text)

    def _begin(self, text: str) -> None:
        """Raises `BlockingIOError` where nothing of it was taken."""
        self._go_on()
        octets = text.encode("utf-8", "backslashreplace")
        self._rest = octets[self._sink.send(octets) :]
        with suppress(BlockingIOError):
            self._go_on()

    def _go_on(self) -> None:
        while self._rest:
            self._rest = self._rest[self._sink.send(self._rest) :]

    def close(self) -> None:
        """Close our own end; the one that it was made from stays open."""
        if not self.closed:
            self._sink.close()
        super().close()


def unblock(logger: logging.Logger) -> None:
    """Handlers of ``logger`` that write to a pipe or a socket never wait for its reader."""
    for handler in logger.handlers:
        if type(handler) is logging.StreamHandler and (sink := _sink_of(handler.stream)) is not None:
            handler.setStream(UnblockedStream(sink, partial(_told, handler)))


def _told(handler: logging.Handler, lost: int) -> str:
    """In the handler's own format, whatever it is by then."""
    words = "%d writes to the log were lost: nobody has read it"
    return handler.format(logging.LogRecord(__name__, logging.WARNING, __file__, 0, words, (lost,), None)) + "\n"


def _sink_of(stream: io.TextIOBase) -> Sink | None:
    """None where writing does not wait for anybody, or where it cannot be helped."""
    try:
        descriptor = stream.fileno()
        mode = os.fstat(descriptor).st_mode
        if stat.S_ISSOCK(mode):
            end = socket.socket(fileno=os.dup(descriptor))
            return Sink(lambda octets: end.send(octets, socket.MSG_DONTWAIT), end.close)
        if not stat.S_ISFIFO(mode):
            return None
        own = _opened_anew(descriptor)
    except (OSError, ValueError):
        return None
    return Sink(lambda octets: os.write(own, octets), lambda: os.close(own))


def unblock_descriptor(descriptor: int) -> None:
    """What this process itself writes there, where it is a pipe, never waits for its reader: `os.write` raises `BlockingIOError`."""
    try:
        if stat.S_ISFIFO(os.fstat(descriptor).st_mode):
            own = _opened_anew(descriptor)
            os.dup2(own, descriptor)
            os.close(own)
    except OSError:
        return  # it is closed, or cannot be helped


def _opened_anew(descriptor: int) -> int:
    """For the flag would hold for everybody who has this end of the pipe: a shell, other programs."""
    return os.open(f"/proc/self/fd/{descriptor}", os.O_WRONLY | os.O_NONBLOCK | os.O_CLOEXEC)
