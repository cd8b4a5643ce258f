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
        self._place, self._name, self._size = place, name, size

    def __len__(self) -> int:
        return self._size

    def __iter__(self) -> Iterator[bytes]:
        blocks = self._place.blocks(self._name)
        return verified(blocks, size=self._size, sha256=self._name, otherwise=self._damaged)

    def _damaged(self) -> BlobUnavailable:
        return BlobUnavailable(f"the blob {self._name} in {self._place!r} is damaged: its octets have another digest")
