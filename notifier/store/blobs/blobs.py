"""`Blobs`: octets under their sha256, for as long as a record refers to them.

References are counted in the ledger's own steps (``refs`` of each queue; ``lua/prelude.lua``). What nobody refers to
and nobody has put for `GRACE` is collected, so that a put and the mail that comes after it need no common lock.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from contextlib import suppress

from notifier.errors import BlobUnavailable, StoreError
from notifier.model.octets import Source
from notifier.store.blobs.names import blob_name, checked_name
from notifier.store.blobs.opened import OpenedBlob
from notifier.store.blobs.place import Place
from notifier.store.blobs.sealed import UnsealedBlob, is_in_tokens, sealed, unsealed
from notifier.store.sealing import Seal

log = logging.getLogger(__name__)

GRACE = 3600.0  # seconds from a put to the mail that refers to it, at most
Referenced = Callable[[Sequence[str]], frozenset[str]]


class Blobs:
    """``places``: the first is written to, all are read, in order. ``limit``: octets of one blob at most, as it is kept.

    ``seal`` is what lies there; the name is always that of the octets themselves.
    """

    def __init__(
        self,
        places: Sequence[Place],
        *,
        limit: int,
        referenced: Referenced,
        grace: float = GRACE,
        seal: Seal = Seal(),  # noqa: B008 - it holds nothing
    ) -> None:
        self._places = tuple(places)
        self._limit = limit
        self._referenced = referenced
        self._grace = grace
        self._seal = seal

    def put(self, data: bytes | Source) -> str:
        """Keep the octets. Raises `StoreUnavailable`, and what a source raises; nothing is kept then."""
        (name,) = self.put_all([data])
        return name

    def put_all(self, many: Sequence[bytes | Source]) -> list[str]:
        """Keep each; their names. Raises as `put`."""
        names = [blob_name(data) for data in many]
        # What is there may have been sealed with a key that is to go.
        is_sealed = self._seal.is_closed
        kept = {name: sealed(data, self._seal) if is_sealed else data for name, data in zip(names, many, strict=True)}
        self._places[0].put_all(kept, anew=is_sealed)
        return names

    def touch(self, name: str) -> bool:
        """True where it is in one of the places; its age begins anew there. Raises `StoreUnavailable`."""
        return any(place.touch(checked_name(name)) for place in self._places)

    def get(self, name: str) -> bytes:
        """The octets, as they were put. Raises `BlobUnavailable` with the words of the first place."""
        checked_name(name)
        first: BlobUnavailable | None = None
        for place in self._places:
            try:
                return self._verified(name, place.get(name, self._limit), place)
            except BlobUnavailable as error:
                first = first or error
        raise first or BlobUnavailable(f"there is no place for the blob {name}")

    def open(self, name: str) -> bytes | Source:
        """The octets, read from the place where they lie whenever they are needed, if that can be. They are verified now, so that
        what is damaged waits and holds up no others; and each time that they are read. Raises `BlobUnavailable`.
        """
        checked_name(name)
        for place in self._places:
            with suppress(BlobUnavailable):
                found = place.open(name, self._limit)
                if found is not None and (good := self._good(found)) is not None:
                    return good
        return self.get(name)

    def _good(self, found: OpenedBlob) -> Source | None:
        """What is kept, or what is in its tokens; an attachment may well look as if it had some."""
        begun = next(found.blocks(), b"")
        ways = (UnsealedBlob(found, self._seal, begun), found) if is_in_tokens(begun) else (found,)
        for source in ways:
            with suppress(BlobUnavailable):
                for _ in source:
                    pass
                return source
        return None

    def _verified(self, name: str, kept: bytes, place: Place) -> bytes:
        if blob_name(kept) == name:  # not sealed; an attachment may well look as if it were
            return kept
        data = b"".join(unsealed([kept], self._seal)) if is_in_tokens(kept) else self._seal.open(kept)
        if blob_name(data) != name:
            raise BlobUnavailable(f"the blob {name} in {place!r} is damaged: its octets have another digest")
        return data

    def collect(self, turn: int) -> int:
        """Take away what nobody needs among a sixteenth of the names; how many blobs went. Raises `StoreError`."""
        return sum(self._collected(place, turn) for place in self._places)

    def _collected(self, place: Place, turn: int) -> int:
        names = place.old(turn, self._grace)
        needed = self._referenced(names)
        return sum(place.drop(name, self._grace) for name in names if name not in needed)

    def put_or_none(self, data: bytes | Source) -> str | None:
        """For whoever has another place for the octets, and must not fail for want of this one."""
        try:
            return self.put(data)
        except StoreError as error:
            log.warning("kept in the record, for want of room among the blobs: %s", error)
            return None
