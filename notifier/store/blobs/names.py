"""A blob is named by its digest and by nothing else: no name that came with data ever becomes a path."""

from __future__ import annotations

import hashlib
import re

from notifier.errors import BlobUnavailable
from notifier.model.octets import Source, blocks_of
from notifier.model.reread import Reread

_BLOCK = 64 * 1024  # octets
_NAME = re.compile(r"[0-9a-f]{64}\Z")


def blob_name(data: bytes | Source) -> str:
    """The name of a blob: its sha256, hex."""
    if isinstance(data, bytes):
        return hashlib.sha256(data).hexdigest()
    if isinstance(data, Reread):  # it gives no others
        return data.sha256
    digest = hashlib.sha256()
    for block in blocks_of(data, _BLOCK):
        digest.update(block)
    return digest.hexdigest()


def checked_name(name: str) -> str:
    """The name, for a record may hold anything. Raises `BlobUnavailable`."""
    if not _NAME.match(name):
        raise BlobUnavailable(f"{name[:80]!r} is no name of a blob")
    return name
