"""Transparency (RFC 5321 section 4.5.2): a dot at the start of a line is doubled, whatever the chunk borders.

A bare CR or LF never goes out: servers disagree on whether it ends a line, and that is how one message is smuggled
into another (CVE-2023-51764 to -51766).
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from io import IncrementalNewlineDecoder

from notifier.model.octets import Octets, Streamed, blocks_of

_BARE = re.compile(rb"\r(?!\n)|(?<!\r)\n")
BLOCK = 64 * 1024  # octets; what one write sends


def check_line_ends(data: Octets) -> None:
    """Raises `ValueError` for a bare CR or LF anywhere in ``data``."""
    if isinstance(data, Streamed):  # has none, by construction
        return
    ends = IncrementalNewlineDecoder(None, translate=False)  # notes the kinds of line ends, thirty times as fast as re
    if len(data) <= BLOCK:
        ends.decode(data.decode("latin-1"), final=True)
    else:  # block by block, because a big message is never held twice
        view = memoryview(data)
        for start in range(0, len(data), BLOCK):
            ends.decode(str(view[start : start + BLOCK], "latin-1"), final=start + BLOCK >= len(data))
    if ends.newlines in (None, "\r\n"):
        return
    if (found := _BARE.search(data)) is not None:
        raise ValueError(f"a bare CR or LF at octet {found.start()} of the message")


def surely_lines(messages: Sequence[Octets]) -> bool:
    """True where they are ASCII and `check_line_ends` raises for none of them: one decoder takes note for all. False where that has
    to be asked for each.
    """
    ends = IncrementalNewlineDecoder(None, translate=False)
    note = ends.decode
    try:
        for data in messages:
            if isinstance(data, bytes):
                if len(data) > BLOCK:
                    return False
                note(data.decode("ascii"), True)  # the last one's CR is not kept for the next one's LF
            elif not (isinstance(data, Streamed) and data.isascii()):
                return False
    except UnicodeDecodeError:
        return False
    return ends.newlines in (None, "\r\n")


def stuffed(data: bytes) -> bytes:
    """``data`` with its line-start dots doubled and a CRLF at its end, ready for the terminator."""
    if data.startswith(b"."):
        data = b"." + data
    pieces = data.split(b"\r\n.")  # `replace` counts them first, which takes as long again
    if len(pieces) > 1:
        data = b"\r\n..".join(pieces)
    return data if data.endswith(b"\r\n") else data + b"\r\n"


def framed(data: bytes) -> bytes:
    """The same, with the terminator."""
    return stuffed(data) + b".\r\n"


def stuffed_blocks(data: Octets, block: int = BLOCK) -> Iterator[bytes]:
    """The same octets as `stuffed`, piece by piece: a big message is never held twice."""
    at_line_start, last = True, b""
    for piece in blocks_of(data, block):
        # The two octets before the piece decide whether its first dot stands at a line's start.
        context = b"\r\n" if at_line_start else last
        yield (context + piece).replace(b"\r\n.", b"\r\n..")[len(context) :]
        last = (last + piece)[-2:]
        at_line_start = False
    if not data.endswith(b"\r\n"):
        yield b"\r\n"
