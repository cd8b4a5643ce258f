"""`Outbox`: octets that wait to be written, so that a flight is one write, and which terminators have left whole."""

from __future__ import annotations

import sys
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

FULL = 256 * 1024  # octets; what waits beyond them is written before more is taken


@dataclass(slots=True)
class Outbox:
    """Put, then flush."""

    waiting: list[bytes] = field(default_factory=list)  # to be looked at, not to be changed: true where something waits
    _size: int = 0  # octets that wait
    _written: int = 0  # octets, over the connection's life
    _terminators: deque[int] = field(default_factory=deque)  # where each ends, in octets over the connection's life

    def put(self, octets: bytes) -> None:
        """Let them wait."""
        self.waiting.append(octets)
        self._size += len(octets)

    def put_whole(self, mails: Sequence[tuple[bytes, bytes]], behind: bytes) -> None:
        """Mails, each its envelope and its message, which ends with its terminator; and what goes behind them."""
        pieces, end = self.waiting, self._written + self._size
        for envelope, message in mails:
            pieces += envelope, message
            end += len(envelope) + len(message)
            self._terminators.append(end)
        pieces.append(behind)
        self._size = end + len(behind) - self._written

    def end_of_message(self) -> None:
        """What was put last is a terminator."""
        self._terminators.append(self._written + self._size)

    def hold_back(self, terminators: int) -> None:
        """So many were asked for and are never written."""
        self._terminators.extend([sys.maxsize] * terminators)

    @property
    def full(self) -> bool:
        """True where it is time to flush."""
        return self._size >= FULL

    @property
    def held_back(self) -> int:
        """Terminators that have not been written whole."""
        return len(self._terminators)

    def drain(self, write: Callable[[bytes], int]) -> bool:
        """Give ``write`` what `take` gives; what it does not write waits on. True where nothing is left."""
        octets = self.take()
        self.written(count := write(octets))
        if count < len(octets):
            self.waiting.insert(0, octets[count:])
        return not self.waiting

    def take(self) -> bytes:
        """All that waits, in one piece; of more than is written at once, the first part of it."""
        pieces = self.waiting
        if self._size <= FULL:
            octets = pieces[0] if len(pieces) == 1 else b"".join(pieces)
            pieces.clear()
            return octets
        size = count = 0
        while count < len(pieces) and size < FULL:
            size, count = size + len(pieces[count]), count + 1
        octets = b"".join(pieces[:count])
        del pieces[:count]
        return octets

    def written(self, count: int) -> None:
        """So many of the octets taken have gone to the system."""
        self._written += count
        self._size -= count
        terminators = self._terminators
        while terminators and terminators[0] <= self._written:
            terminators.popleft()
