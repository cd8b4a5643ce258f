"""Blobs in an object store, through fsspec (the extra ``blobs``): S3, GCS, Azure and whatever else it knows.

An object is written whole or not at all by such stores, and its modification time is its age.
"""

from __future__ import annotations

import os
import posixpath
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlsplit

from notifier.errors import BlobUnavailable, ConfigurationError, NotifierError, StoreError, StoreUnavailable
from notifier.model.octets import Source, whole
from notifier.model.secret import Secret


class ObjectBlobs:
    """``url`` is fsspec's, such as ``s3://bucket/notifier``; it may hold a key, so it is shown without."""

    def __init__(self, url: Secret, ledger: Callable[[], str]) -> None:
        self._url = url
        self._ledger = ledger
        self._made: dict[int, tuple[Any, str]] = {}
        self._lock = threading.Lock()
        parts = urlsplit(url.reveal())
        self._shown = f"{parts.scheme}://{parts.hostname or ''}{parts.path}"

    def __repr__(self) -> str:
        return f"<ObjectBlobs {self._shown}>"

    def put(self, name: str, data: bytes | Source, *, anew: bool = False) -> None:  # noqa: ARG002 - it is always
        """See `Place.put`. Always written: a collection that is just about to drop it would not see a mere touch."""
        with self._told(StoreUnavailable, f"the blob {name} cannot be written to {self._shown}"):
            files, path = self._at(name)
            files.makedirs(posixpath.dirname(path), exist_ok=True)
            files.pipe_file(path, whole(data))

    def put_all(self, blobs: Mapping[str, bytes | Source], *, anew: bool = False) -> None:
        """See `Place.put_all`."""
        for name, data in blobs.items():
            self.put(name, data, anew=anew)

    def get(self, name: str, limit: int) -> bytes:
        """See `Place.get`."""
        with self._told(BlobUnavailable, f"the blob {name} cannot be read from {self._shown}; the mail waits"):
            files, path = self._at(name)
            with files.open(path, "rb") as file:
                data: bytes = file.read(limit + 1)
        if len(data) > limit:
            raise BlobUnavailable(f"the blob {name} in {self._shown} has more than {limit:,} octets")
        return data

    def open(self, name: str, limit: int) -> None:
        """See `Place.open`: each block would be a request."""

    def old(self, turn: int, age: float) -> list[str]:
        """See `Place.old`."""
        with self._told(StoreError, f"blobs in {self._shown} cannot be collected"):
            return [name for low in range(16) for name in self._old_in(f"{turn:x}{low:x}", age)]

    def _old_in(self, shard: str, age: float) -> Iterator[str]:
        files, path = self._at(shard)
        for found in files.find(posixpath.dirname(path)):
            if self._age(files, found) >= age:
                yield posixpath.basename(found)

    def drop(self, name: str, age: float) -> bool:
        """See `Place.drop`."""
        with self._told(StoreError, f"the blob {name} in {self._shown} cannot be collected"):
            files, path = self._at(name)
            if not files.exists(path) or self._age(files, path) < age:
                return False
            files.rm_file(path)
            return True

    def touch(self, name: str) -> bool:
        """See `Place.touch`. Such stores have no touch: what is to stay is kept by the ledger (`SharedBlobs`)."""
        with self._told(StoreUnavailable, f"the blob {name} cannot be looked for in {self._shown}"):
            files, path = self._at(name)
            return bool(files.exists(path))

    @staticmethod
    def _age(files: Any, path: str) -> float:
        written: datetime = files.modified(path)
        aware = written if written.tzinfo else written.replace(tzinfo=UTC)
        return (datetime.now(UTC) - aware).total_seconds()

    def _at(self, name: str) -> tuple[Any, str]:
        files, base = self._files()
        return files, f"{base.rstrip('/')}/{self._ledger()}/{name[:2]}/{name}"

    def _files(self) -> tuple[Any, str]:
        """This process's file system: their clients hold sockets and loops that no fork survives."""
        with self._lock:
            if os.getpid() not in self._made:
                self._made[os.getpid()] = _opened(self._url)
            return self._made[os.getpid()]

    @contextmanager
    def _told(self, kind: type[StoreError], words: str) -> Iterator[None]:
        try:
            yield
        except NotifierError:
            raise
        except Exception as error:  # each object store has errors of its own
            raise kind(f"{words} ({type(error).__name__}). Look at NOTIFIER_BLOBS and the rights there") from error


def _opened(url: Secret) -> tuple[Any, str]:
    try:
        import fsspec  # noqa: PLC0415 - an extra
    except ImportError:
        raise ConfigurationError(
            ["NOTIFIER_BLOBS names an object store, which needs: pip install notifier-worker[blobs]"]
        ) from None
    # Without fsspec's caches of listings: what another host has written is seen at once.
    files, base = fsspec.url_to_fs(url.reveal(), use_listings_cache=False, skip_instance_cache=True)
    return files, str(base)
