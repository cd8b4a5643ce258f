"""A blob is named by its digest and by nothing else: no name that came with data ever becomes a path."""

from __future__ import annotations

import hashlib
import re

from notifier.errors import BlobUnavailable

_NAME = re.compile(r"[0-9a-f]{64}\Z")


def blob_name(data: bytes) -> str:
    """The name of a blob: its sha256, hex."""
    return hashlib.sha256(data).hexdigest()


def checked_name(name: str) -> str:
    """The name, for a record may hold anything. Raises `BlobUnavailable`."""
    if not _NAME.match(name):
        raise BlobUnavailable(f"{name[:80]!r} is no name of a blob")
    return name
