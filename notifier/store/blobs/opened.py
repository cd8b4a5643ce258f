"""`OpenedBlob`: a blob that is read from its place as it is needed."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Protocol

from notifier.errors import BlobUnavailable
from notifier.model.reread import verified


class Blocks(Protocol):
    """A place that can read a blob in pieces."""

    def blocks(self, name: str) -> Iterator[bytes]:
        """The octets of a blob. Raises `StoreError`."""


class OpenedBlob:
    """A `Source`. The last block comes once all of them have the digest that they should have, so that nothing damaged goes
    out whole.
    """

    def __init__(self, place: Blocks, name: str, size: int) -> None:
        self._place, self.name, self._size = place, name, size

    def __len__(self) -> int:
        return self._size

    def __iter__(self) -> Iterator[bytes]:
        return verified(self.blocks(), size=self._size, sha256=self.name, otherwise=self.damaged)

    def blocks(self) -> Iterator[bytes]:
        """What is kept, whatever it is."""
        return self._place.blocks(self.name)

    def damaged(self) -> BlobUnavailable:
        """The error."""
        return BlobUnavailable(f"the blob {self.name} in {self._place!r} is damaged: its octets have another digest")
