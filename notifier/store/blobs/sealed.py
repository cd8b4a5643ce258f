"""A big blob with its contents sealed: block by block, so that nobody holds it whole.

A line with the number of its octets, then a token a line. Each token is authentic by itself; that they are those of this blob, all
of them and in their order, its digest says, as of any other.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from notifier.model.octets import Source, blocks_of, whole
from notifier.model.reread import verified
from notifier.store.blobs.opened import OpenedBlob
from notifier.store.sealing import Seal, token_size

HELD = 2**20  # octets; smaller blobs are one token, as workers of before know them
BLOCK = 4 * 57 * 1024  # octets of a token
_FIRST = b"notifier-sealed-1 %d\n"
_FIRST_LINE = re.compile(rb"notifier-sealed-1 ([0-9]{1,15})\n")


def sealed(data: bytes | Source, seal: Seal) -> bytes | Source:
    """What is kept in place of ``data``."""
    return seal.seal(whole(data)) if len(data) <= HELD else _Sealed(data, seal)


class _Sealed:
    """A `Source`. Its octets are others each time, and as many."""

    def __init__(self, data: bytes | Source, seal: Seal) -> None:
        self._data, self._seal = data, seal

    def __len__(self) -> int:
        full, rest = divmod(len(self._data), BLOCK)
        last = token_size(rest) + 1 if rest else 0
        return len(_FIRST % len(self._data)) + full * (token_size(BLOCK) + 1) + last

    def __iter__(self) -> Iterator[bytes]:
        yield _FIRST % len(self._data)
        for block in blocks_of(self._data, BLOCK):
            yield self._seal.seal(block) + b"\n"


def is_in_tokens(begun: bytes) -> bool:
    """True for what begins like one."""
    return _FIRST_LINE.match(begun) is not None


def unsealed(kept: Iterable[bytes], seal: Seal) -> Iterator[bytes]:
    """What is in the tokens. Raises `BlobUnavailable` where no key opens one."""
    lines = _lines(kept)
    next(lines)
    return (seal.open(line) for line in lines)


def _lines(blocks: Iterable[bytes]) -> Iterator[bytes]:
    rest = b""
    for block in blocks:
        *lines, rest = (rest + block).split(b"\n")
        yield from lines
    if rest:
        yield rest


class UnsealedBlob:
    """A `Source` of what is in the tokens of a blob; verified as `OpenedBlob` is."""

    def __init__(self, kept: OpenedBlob, seal: Seal, begun: bytes) -> None:
        found = _FIRST_LINE.match(begun)
        self._kept, self._seal, self._size = kept, seal, int(found[1]) if found else 0

    def __len__(self) -> int:
        return self._size

    def __iter__(self) -> Iterator[bytes]:
        blocks = unsealed(self._kept.blocks(), self._seal)
        return verified(blocks, size=self._size, sha256=self._kept.name, otherwise=self._kept.damaged)
