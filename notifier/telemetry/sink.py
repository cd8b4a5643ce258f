"""A log that nobody reads must not stop the mail: lines that a full pipe or socket does not take are dropped and counted."""

from __future__ import annotations

import io
import logging
import os
import socket
import stat
from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Sink:
    """``send`` takes octets, says how many it took, and raises `BlockingIOError` where it takes none now."""

    send: Callable[[bytes], int]
    close: Callable[[], None]


class UnblockedStream(io.TextIOBase):
    """For a `logging.StreamHandler`."""

    def __init__(self, sink: Sink) -> None:
        super().__init__()
        self._sink = sink
        self._lost = 0

    def write(self, text: str) -> int:
        """All of the text, or as much of it as is taken now."""
        try:
            if self._lost:
                self._write(f"{self._lost} writes to the log were lost: nobody has read it\n")
                self._lost = 0
            self._write(text)
        except BlockingIOError:
            self._lost += 1
        return len(text)

    def _write(self, text: str) -> None:
        octets = text.encode("utf-8", "backslashreplace")
        while octets:
            octets = octets[self._sink.send(octets) :]

    def close(self) -> None:
        """Close our own end; the one that it was made from stays open."""
        if not self.closed:
            self._sink.close()
        super().close()


def unblock(logger: logging.Logger) -> None:
    """Handlers of ``logger`` that write to a pipe or a socket never wait for its reader."""
    for handler in logger.handlers:
        if type(handler) is logging.StreamHandler and (sink := _sink_of(handler.stream)) is not None:
            handler.setStream(UnblockedStream(sink))


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
        # Opened anew, for the flag would hold for everybody who has this end of the pipe: a shell, other programs.
        own = os.open(f"/proc/self/fd/{descriptor}", os.O_WRONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    except (OSError, ValueError):
        return None
    return Sink(lambda octets: os.write(own, octets), lambda: os.close(own))
