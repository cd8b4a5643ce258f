"""`Outbox`: octets that wait to be written, so that a flight is one write, and which terminators have left whole."""

from __future__ import annotations

import sys
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field

FULL = 256 * 1024  # octets; what waits beyond them is written before more is taken


@dataclass(slots=True)
class Outbox:
    """Put, then flush."""

    _pieces: list[bytes] = field(default_factory=list)
    _waiting: int = 0
    _written: int = 0  # octets, over the connection's life
    _terminators: deque[int] = field(default_factory=deque)  # where each ends, in octets over the connection's life

    def put(self, octets: bytes) -> None:
        """Let them wait."""
        self._pieces.append(octets)
        self._waiting += len(octets)

    def put_whole(self, mails: Sequence[tuple[bytes, bytes]], behind: bytes) -> None:
        """Mails, each its envelope and its message, which ends with its terminator; and what goes behind them."""
        pieces, end = self._pieces, self._written + self._waiting
        for mail in mails:
            pieces += mail
            end += len(mail[0]) + len(mail[1])
            self._terminators.append(end)
        pieces.append(behind)
        self._waiting = end + len(behind) - self._written

    def end_of_message(self) -> None:
        """What was put last is a terminator."""
        self._terminators.append(self._written + self._waiting)

    def hold_back(self, terminators: int) -> None:
        """So many were asked for and are never written."""
        self._terminators.extend([sys.maxsize] * terminators)

    @property
    def full(self) -> bool:
        """True where it is time to flush."""
        return self._waiting >= FULL

    @property
    def empty(self) -> bool:
        """True where nothing waits."""
        return not self._pieces

    @property
    def held_back(self) -> int:
        """Terminators that have not been written whole."""
        return len(self._terminators)

    def take(self) -> bytes:
        """All that waits, in one piece; of more than is written at once, the first part of it."""
        pieces = self._pieces
        if self._waiting <= FULL:
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
        self._waiting -= count
        while self._terminators and self._terminators[0] <= self._written:
            self._terminators.popleft()
