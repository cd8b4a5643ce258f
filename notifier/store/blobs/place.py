"""`Place`: where the octets of blobs lie. Names are checked and octets verified by whoever asks (`Blobs`)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol

from notifier.model.octets import Source
from notifier.store.blobs.opened import OpenedBlob

TURNS = 16  # a collection looks at one sixteenth of the names, by their first digit


class Place(Protocol):
    """Safe to share between threads and to have been made before a fork. Ages are seconds since the last `put`."""

    def put(self, name: str, data: bytes | Source, *, anew: bool = False) -> None:
        """Keep the octets, durably, and begin their age anew; with ``anew`` also in place of what is there under that name.

        Raises `StoreUnavailable`.
        """

    def put_all(self, blobs: Mapping[str, bytes | Source], *, anew: bool = False) -> None:
        """The same for several, by their names."""

    def get(self, name: str, limit: int) -> bytes:
        """The octets, ``limit`` of them at most. Raises `BlobUnavailable`."""

    def open(self, name: str, limit: int) -> OpenedBlob | None:
        """The same octets, which are read as they are needed; None where this place has them only whole, or not at all."""

    def old(self, turn: int, age: float) -> list[str]:
        """The names of turn ``turn`` of `TURNS` that are ``age`` seconds old or older. Raises `StoreError`."""

    def drop(self, name: str, age: float) -> bool:
        """Take a blob away, unless it was put again in the last ``age`` seconds. Raises `StoreError`."""

    def touch(self, name: str) -> bool:
        """True where the blob is here; its age begins anew, where that can be done without writing it.

        Raises `StoreUnavailable`.
        """
