"""What an operator can choose for blobs (`NOTIFIER_BLOBS`)."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from notifier.model.secret import Secret

MEBIBYTE = 2**20


@dataclass(frozen=True, slots=True)
class InRedis:
    """In the store, ``cap`` octets of all blobs together."""

    cap: int = 256 * MEBIBYTE


@dataclass(frozen=True, slots=True)
class InDirectory:
    """In a directory that every host sees under this path."""

    root: Path


@dataclass(frozen=True, slots=True)
class InObjects:
    """In an object store, by fsspec's URL."""

    url: Secret


BlobsAt = InRedis | InDirectory | InObjects
