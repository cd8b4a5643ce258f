"""Blobs in the store itself, which all hosts see: as many octets as the cap allows, for they lie in memory there."""

from __future__ import annotations

import uuid
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from typing import Any

from notifier.errors import BlobUnavailable, StoreError, StoreUnavailable
from notifier.model.octets import Source, blocks_of, whole
from notifier.store.blobs.opened import OpenedBlob
from notifier.store.connection import Call, LedgerConnection
from notifier.store.keys import Keys
from notifier.store.records import ms
from notifier.store.round_trips import Argument

HELD = 2**20  # octets; bigger blobs come and go in pieces
BLOCK = 4 * 57 * 1024  # octets; whole lines of base64
DRAFT_LASTS = 60.0  # seconds from the last piece of a blob to the next one, at most
SMALL = 16 * 1024  # octets of a blob; sending one again costs less than asking whether it is there
TOGETHER = 2**20  # octets of the blobs that go in one round trip


class RedisBlobs:
    """``cap``: octets of all blobs together."""

    def __init__(self, connection: LedgerConnection, keys: Keys, cap: int) -> None:
        self._connection = connection
        self._keys = keys
        self._cap = cap

    def __repr__(self) -> str:
        return f"<RedisBlobs {self._connection.url}, {self._cap:,} octets>"

    def put(self, name: str, data: bytes | Source, *, anew: bool = False) -> None:
        """See `Place.put`; big octets that are there are not sent again."""
        self.put_all({name: data}, anew=anew)

    def put_all(self, blobs: Mapping[str, bytes | Source], *, anew: bool = False) -> None:
        """See `Place.put_all`. Small ones go together: a round trip, and a wait for the disk, costs more than their octets."""
        wanted = [(name, data) for name, data in blobs.items() if anew or len(data) <= SMALL or not self.touch(name)]
        for name, data in wanted:
            if len(data) > HELD:
                self._check(name, data, self._has_room(name, len(data)) and self._put_in_pieces(name, data))
        for some in _together([(name, data) for name, data in wanted if len(data) <= HELD]):
            calls = [Call("put_blob", self._keys.blobs, (name, whole(data), self._cap)) for name, data in some]
            answers = self._connection.run(calls, durably=True)
            for (name, data), answer in zip(some, answers, strict=True):
                self._check(name, data, int(answer))

    def _check(self, name: str, data: bytes | Source, kept: int) -> None:
        if kept < 0:
            raise StoreUnavailable(f"octets of the blob {name} were lost on their way to the store; try again")
        if not kept:
            raise StoreUnavailable(
                f"the blob {name} of {len(data):,} octets has no room in the store: all of them together may have "
                f"{self._cap:,}. Nothing was stored. Set NOTIFIER_BLOBS to a directory that all hosts share "
                "(dir:/path) or to an object store, or allow more (redis:1GB)"
            )

    def _has_room(self, name: str, size: int) -> bool:
        """As far as can be seen before it is sent."""
        total, there = self._connection.ask(("GET", self._keys.octets_of_blobs), ("STRLEN", self._keys.blob(name)))
        return int(total or 0) + size - int(there) <= self._cap

    def _put_in_pieces(self, name: str, data: bytes | Source) -> int:
        token, at = uuid.uuid4().hex, 0
        draft = self._keys.draft_of_blob(token)
        try:
            for block in blocks_of(data, BLOCK):
                # Not APPEND: a command that is sent again, on another connection, must come to the same. But a draft that is
                # gone would be made anew, with NULs in place of what it had.
                had, *_ = self._connection.ask(
                    ("STRLEN", draft), ("SETRANGE", draft, at, block), ("PEXPIRE", draft, ms(DRAFT_LASTS))
                )
                if int(had) < at:
                    return -1
                at += len(block)
            return int(self._run("put_blob", name, b"", self._cap, token, at))
        finally:
            with suppress(StoreError):  # then it goes by itself
                self._connection.ask(("DEL", draft))

    def get(self, name: str, limit: int) -> bytes:
        """See `Place.get`."""
        key = self._keys.blob(name)
        there, data = self._connection.ask(("EXISTS", key), ("GETRANGE", key, 0, limit))
        if not there:
            raise BlobUnavailable(f"the blob {name} is not in the store at {self._connection.url} (any more)")
        if len(data) > limit:
            raise BlobUnavailable(f"the blob {name} in the store has more than {limit:,} octets")
        return bytes(data)

    def open(self, name: str, limit: int) -> OpenedBlob | None:
        """See `Place.open`; a small one is given whole."""
        (size,) = self._connection.ask(("STRLEN", self._keys.blob(name)))
        return OpenedBlob(self, name, int(size)) if HELD < int(size) <= limit else None

    def blocks(self, name: str) -> Iterator[bytes]:
        """The octets of a blob in pieces; none where it is not there."""
        at, key = 0, self._keys.blob(name)
        while block := bytes(self._connection.ask(("GETRANGE", key, at, at + BLOCK - 1))[0]):
            yield block
            at += len(block)

    def old(self, turn: int, age: float) -> list[str]:
        """See `Place.old`."""
        names = [name.decode() for name in self._run("blob", "old", ms(age))]
        return [name for name in names if name.startswith(f"{turn:x}")]

    def drop(self, name: str, age: float) -> bool:
        """See `Place.drop`."""
        return bool(self._run("blob", "drop", name, ms(age)))

    def touch(self, name: str) -> bool:
        """See `Place.touch`."""
        return bool(self._run("blob", "touch", name))

    def _run(self, script: str, *arguments: Argument) -> Any:
        (answer,) = self._connection.run([Call(script, self._keys.blobs, arguments)], durably=script == "put_blob")
        return answer


def _together(blobs: Sequence[tuple[str, bytes | Source]]) -> Iterator[list[tuple[str, bytes | Source]]]:
    some: list[tuple[str, bytes | Source]] = []
    size = 0
    for name, data in blobs:
        if some and size + len(data) > TOGETHER:
            yield some
            some, size = [], 0
        some.append((name, data))
        size += len(data)
    if some:
        yield some
