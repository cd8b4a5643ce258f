"""Lines of a message as the wire wants them: each ends in CRLF."""

from __future__ import annotations

import re
from collections.abc import Iterator

from notifier.errors import InvalidMail
from notifier.model.octets import Octets, Streamed

HELD = 64 * 1024  # octets; bigger bodies are not copied
BLOCK = 64 * 1024  # octets
_BARE_CR = re.compile(rb"\r(?!\n)")


def check_octets(octets: bytes) -> None:
    """A bare CR is no line's end: readers disagree on it, and that is how mail is smuggled. Raises `InvalidMail`."""
    both = octets.count(b"\r\n")  # thirty times as fast as a search for what is not there
    if octets.count(b"\r") > both and (found := _BARE_CR.search(octets)) is not None:
        raise InvalidMail(f"octet {found.start()} of the message is a CR without LF; encode such a part (base64)")
    if b"\0" in octets:
        raise InvalidMail(f"octet {octets.index(0)} of the message is a NUL; encode such a part (base64)")


def with_crlf(octets: bytes, start: int, end: int | None = None) -> Octets:
    """From ``start`` to ``end`` of octets that have passed `check_octets`; LF is a line's end as files have it.

    A big part of them is read where it lies, whenever it is needed.
    """
    end = len(octets) if end is None else end
    lines = Lines(octets, start, end)
    if len(lines) <= HELD:
        return b"".join(lines)
    eight_bit = not all(block.isascii() for block in lines)
    return Streamed([lines], eight_bit=eight_bit, unended=octets[end - 1 : end] != b"\n")


class Lines:
    """A `Source` in octets that are held already."""

    def __init__(self, octets: bytes, start: int, end: int) -> None:
        self._octets, self._start, self._end = octets, start, end
        self._lone = octets.count(b"\n", start, end) - octets.count(b"\r\n", start, end)

    def __len__(self) -> int:
        return self._end - self._start + self._lone

    def __iter__(self) -> Iterator[bytes]:
        for at in range(self._start, self._end, BLOCK):
            block = self._octets[at : min(at + BLOCK, self._end)]
            # Every CR stands before a LF, also where the block ends between them.
            yield block.replace(b"\r", b"").replace(b"\n", b"\r\n") if self._lone else block
