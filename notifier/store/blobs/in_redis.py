"""Blobs in the store itself, which all hosts see: as many octets as the cap allows, for they lie in memory there."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from notifier.errors import BlobUnavailable, StoreUnavailable
from notifier.model.octets import Octets, whole
from notifier.store.connection import Call, LedgerConnection
from notifier.store.keys import Keys
from notifier.store.records import ms
from notifier.store.round_trips import Argument

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

    def put(self, name: str, data: Octets, *, anew: bool = False) -> None:
        """See `Place.put`; big octets that are there are not sent again."""
        self.put_all({name: data}, anew=anew)

    def put_all(self, blobs: Mapping[str, Octets], *, anew: bool = False) -> None:
        """See `Place.put_all`. Small ones go together: a round trip, and a wait for the disk, costs more than their octets."""
        wanted = [(name, data) for name, data in blobs.items() if anew or len(data) <= SMALL or not self.touch(name)]
        for some in _together(wanted):
            calls = [Call("put_blob", self._keys.blobs, (name, whole(data), self._cap)) for name, data in some]
            answers = self._connection.run(calls, durably=True)
            for (name, data), is_kept in zip(some, answers, strict=True):
                if not is_kept:
                    raise StoreUnavailable(self._full(name, data))

    def _full(self, name: str, data: Octets) -> str:
        return (
            f"the blob {name} of {len(data):,} octets has no room in the store: all of them together may have "
            f"{self._cap:,}. Nothing was stored. Set NOTIFIER_BLOBS to a directory that all hosts share "
            "(dir:/path) or to an object store, or allow more (redis:1GB)"
        )

    def get(self, name: str, limit: int) -> bytes:
        """See `Place.get`."""
        key = self._keys.blob(name)
        there, data = self._connection.ask(("EXISTS", key), ("GETRANGE", key, 0, limit))
        if not there:
            raise BlobUnavailable(f"the blob {name} is not in the store at {self._connection.url} (any more)")
        if len(data) > limit:
            raise BlobUnavailable(f"the blob {name} in the store has more than {limit:,} octets")
        return bytes(data)

    def open(self, name: str, limit: int) -> None:
        """See `Place.open`: a server has it in memory, and gives it whole."""

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

    def _run(self, script: str, *arguments: Argument) -> list[bytes]:
        (answer,) = self._connection.run([Call(script, self._keys.blobs, arguments)])
        found: list[bytes] = answer
        return found


def _together(blobs: Sequence[tuple[str, Octets]]) -> Iterator[list[tuple[str, Octets]]]:
    some: list[tuple[str, Octets]] = []
    size = 0
    for name, data in blobs:
        if some and size + len(data) > TOGETHER:
            yield some
            some, size = [], 0
        some.append((name, data))
        size += len(data)
    if some:
        yield some
