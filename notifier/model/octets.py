"""Octets of a message: whole, or in pieces of which those of big files are read and encoded only when they go out."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Protocol


class Source(Protocol):
    """Octets that can be read again and again, and how many they are. What it raises passes through."""

    def __len__(self) -> int: ...
    def __iter__(self) -> Iterator[bytes]: ...


class Streamed:
    """A message that is never whole in memory. Lines, each of which ends in CRLF: whoever makes one sees to it. They are ASCII
    unless it is ``eight_bit``, and the last one ends as well unless it is ``unended``. A `Source` like others.
    """

    __slots__ = ("_eight_bit", "_pieces", "_size", "_unended")

    def __init__(self, pieces: Sequence[bytes | Source], *, eight_bit: bool = False, unended: bool = False) -> None:
        self._pieces = tuple(pieces)
        self._size = sum(map(len, self._pieces))
        self._eight_bit = eight_bit
        self._unended = unended

    def __len__(self) -> int:
        return self._size

    def __iter__(self) -> Iterator[bytes]:
        for piece in self._pieces:
            if isinstance(piece, bytes):
                yield piece
            else:
                yield from piece

    def __repr__(self) -> str:
        return f"<Streamed {self._size:,} octets>"

    @property
    def pieces(self) -> tuple[bytes | Source, ...]:
        """In their order."""
        return self._pieces

    def blocks(self, size: int) -> Iterator[bytes]:
        """All of it in blocks of ``size`` octets; the last one has what is left."""
        return _cut(self, size)

    def endswith(self, end: bytes) -> bool:
        """As that of `bytes`, for the end of a line."""
        return not self._unended and b"\r\n".endswith(end)

    def isascii(self) -> bool:
        """As that of `bytes`."""
        return not self._eight_bit


Octets = bytes | Streamed


def joined(pieces: Sequence[Octets]) -> Octets:
    """One behind the other."""
    whole = [piece for piece in pieces if isinstance(piece, bytes)]
    if len(whole) == len(pieces):
        return b"".join(whole)
    parts = [part for piece in pieces for part in ((piece,) if isinstance(piece, bytes) else piece.pieces) if len(part)]
    last = next((piece for piece in reversed(pieces) if len(piece)), b"\r\n")
    eight_bit = not all(piece.isascii() for piece in pieces)
    return Streamed(parts, eight_bit=eight_bit, unended=not last.endswith(b"\r\n"))


def whole(octets: bytes | Source) -> bytes:
    """In memory. For what is small, however it was made, and for whoever can do nothing with pieces."""
    return octets if isinstance(octets, bytes) else b"".join(octets)


def blocks_of(octets: bytes | Source, size: int) -> Iterator[bytes]:
    """In blocks of ``size``; the last one has what is left."""
    if not isinstance(octets, bytes):
        return _cut(octets, size)
    view = memoryview(octets)
    return (bytes(view[start : start + size]) for start in range(0, len(view), size))


def _cut(pieces: Iterable[bytes], size: int) -> Iterator[bytes]:
    held: list[bytes] = []
    count = 0
    for octets in pieces:
        held.append(octets)
        count += len(octets)
        if count >= size:
            whole = b"".join(held)
            cut = count - count % size
            yield from (whole[start : start + size] for start in range(0, cut, size))
            held, count = [whole[cut:]], count - cut
    if count:
        yield b"".join(held)


def as_message(octets: bytes | Source) -> Octets:
    """A message of which it is not known yet what its lines are. It is read once for that; one that is no lines is read whole,
    and whoever sends it refuses it as any other.
    """
    if isinstance(octets, bytes | Streamed):
        return octets
    eight_bit, end, returns, feeds, both = False, b"", 0, 0, 0
    for block in octets:
        eight_bit = eight_bit or not block.isascii()
        both += block.count(b"\r\n") + (end[-1:] == b"\r" and block[:1] == b"\n")
        returns, feeds = returns + block.count(b"\r"), feeds + block.count(b"\n")
        end = (end + block)[-2:]
    if not returns == feeds == both:
        return whole(octets)
    return Streamed([octets], eight_bit=eight_bit, unended=end != b"\r\n")
