"""A file of which every reader is given its octets anew."""

from __future__ import annotations

from collections.abc import Iterator


class Read:
    """A source that is read in blocks of its own size."""

    def __init__(self, octets: bytes, block: int = 3) -> None:
        self.octets, self._block, self.times = octets, block, 0

    def __len__(self) -> int:
        return len(self.octets)

    def __iter__(self) -> Iterator[bytes]:
        self.times += 1
        return (self.octets[at : at + self._block] for at in range(0, len(self.octets), self._block))
