"""From an operator's choice to the places."""

from __future__ import annotations

from collections.abc import Callable

from notifier.store.blobs.choice import BlobsAt, InDirectory, InObjects, InRedis
from notifier.store.blobs.directory import DirectoryBlobs
from notifier.store.blobs.in_redis import RedisBlobs
from notifier.store.blobs.objects import ObjectBlobs
from notifier.store.blobs.place import Place
from notifier.store.connection import LedgerConnection
from notifier.store.keys import Keys


def places_of(
    chosen: BlobsAt, connection: LedgerConnection, keys: Keys, ledger: Callable[[], str]
) -> tuple[Place, ...]:
    """The place to write to, then those that are only read: what was stored before the setting was changed."""
    match chosen:
        case InRedis(cap):
            return (RedisBlobs(connection, keys, cap),)
        case InDirectory(root):
            return DirectoryBlobs(root, ledger), RedisBlobs(connection, keys, 0)
        case InObjects(url):
            return ObjectBlobs(url, ledger), RedisBlobs(connection, keys, 0)
