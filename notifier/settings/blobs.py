"""``NOTIFIER_BLOBS``: ``redis:``, ``redis:1GB``, ``dir:/path``, or a URL of an object store."""

from __future__ import annotations

import re
from importlib.util import find_spec
from pathlib import Path
from urllib.parse import urlsplit

from notifier.model.secret import Secret
from notifier.store.blobs.choice import BlobsAt, InDirectory, InObjects, InRedis

_SIZE = re.compile(r"([0-9]{1,6})(MB|GB)\Z")
_UNITS = {"MB": 2**20, "GB": 2**30}


def parse_blobs(text: str) -> BlobsAt:
    """Where blobs lie. Raises `ValueError`, without the text: it may hold a key."""
    kind, _, rest = text.partition(":")
    if kind == "redis":
        return InRedis(_size(rest)) if rest else InRedis()
    if kind == "dir":
        return _directory(Path(rest))
    if rest.startswith("//") and urlsplit(text).scheme:
        return _objects(text)
    raise ValueError("is redis:, redis:1GB, dir:/path, or the URL of an object store, such as s3://bucket/notifier")


def _size(text: str) -> int:
    found = _SIZE.match(text)
    if found is None or int(found[1]) == 0:
        raise ValueError("is redis: followed by a size such as 512MB or 2GB (no server is named: it is the store's)")
    return int(found[1]) * _UNITS[found[2]]


def _directory(root: Path) -> InDirectory:
    if not root.is_absolute() or ".." in root.parts:
        raise ValueError("is dir: followed by an absolute path, the same on every host")
    return InDirectory(root)


def _objects(text: str) -> InObjects:
    if find_spec("fsspec") is None:
        raise ValueError("names an object store, which needs: pip install notifier-worker[blobs]")
    return InObjects(Secret(text))
