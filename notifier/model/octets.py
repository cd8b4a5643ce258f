"""Octets of a message: whole, or in pieces of which those of big files are read and encoded only when they go out."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Protocol


class Source(Protocol):
    """Octets that can be read again and again, and how many they are. What it raises passes through."""

    def __len__(self) -> int: ...
    def __iter__(self) -> Iterator[bytes]: ...


class Streamed:
    """A message that is never whole in memory. ASCII lines, each of which ends in CRLF, the last one too: whoever makes one sees
    to it.
    """

    __slots__ = ("_pieces", "_size")

    def __init__(self, pieces: Sequence[bytes | Source]) -> None:
        self._pieces = tuple(pieces)
        self._size = sum(map(len, self._pieces))

    def __len__(self) -> int:
        return self._size

    def __repr__(self) -> str:
        return f"<Streamed {self._size:,} octets>"

    @property
    def pieces(self) -> tuple[bytes | Source, ...]:
        """In their order."""
        return self._pieces

    def blocks(self, size: int) -> Iterator[bytes]:
        """All of it in blocks of ``size`` octets; the last one has what is left."""
        held: list[bytes] = []
        count = 0
        for octets in self._read():
            held.append(octets)
            count += len(octets)
            if count >= size:
                whole = b"".join(held)
                cut = count - count % size
                yield from (whole[start : start + size] for start in range(0, cut, size))
                held, count = [whole[cut:]], count - cut
        if count:
            yield b"".join(held)

    def _read(self) -> Iterator[bytes]:
        for piece in self._pieces:
            if isinstance(piece, bytes):
                yield piece
            else:
                yield from piece

    @staticmethod
    def endswith(end: bytes) -> bool:
        """As that of `bytes`."""
        return b"\r\n".endswith(end)

    @staticmethod
    def isascii() -> bool:
        """As that of `bytes`."""
        return True


Octets = bytes | Streamed


def joined(pieces: Sequence[Octets]) -> Octets:
    """One behind the other."""
    whole = [piece for piece in pieces if isinstance(piece, bytes)]
    if len(whole) == len(pieces):
        return b"".join(whole)
    return Streamed(
        [part for piece in pieces for part in ((piece,) if isinstance(piece, bytes) else piece.pieces) if len(part)]
    )


def whole(octets: Octets) -> bytes:
    """In memory. For messages that are small, however they were made."""
    return octets if isinstance(octets, bytes) else b"".join(octets.blocks(len(octets) or 1))


def blocks_of(octets: Octets, size: int) -> Iterator[bytes]:
    """In blocks of ``size``."""
    if isinstance(octets, Streamed):
        return octets.blocks(size)
    view = memoryview(octets)
    return (bytes(view[start : start + size]) for start in range(0, len(view), size))
