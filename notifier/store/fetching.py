"""Attachments from object stores, by URL, through fsspec (the extra ``blobs``): only from where the operator says so.

A URL is compared with the operator's prefixes as it is written, so nothing in it may be read in two ways. Of the web and
of this host's disk nothing is fetched, whatever a prefix says: a web server redirects, and names lead to private addresses.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import Any
from urllib.parse import unquote, urlsplit

from notifier.errors import InvalidAttachment, MailTooLarge

MAX_URL = 2048  # characters
BLOCK = 2**20  # octets; each is a request
_PREFIX = re.compile(r"[a-z][a-z0-9+.-]*://[^/@?#\s]+/(?:[^\s]*/)?\Z")
# Ours to read, or anybody's to redirect; and fsspec's own, which lead on to another URL.
_NEVER = frozenset({
    "file", "local", "asynclocal", "http", "https", "ftp", "ftps", "sftp", "ssh", "webdav", "webhdfs", "data", "zip", "tar",
    "libarchive", "git", "github", "gist", "jupyter", "jlab", "simplecache", "filecache", "blockcache", "cached", "dir",
    "dirfs", "reference", "generic", "dask", "pyscript", "asyncwrapper", "async_wrapper",
})  # fmt: skip


def checked_prefix(text: str) -> str:
    """A URL that ends in ``/``, such as ``s3://reports/``. Raises `ValueError`."""
    if not _PREFIX.match(text) or _is_ambiguous(text):
        raise ValueError(
            f"holds URLs of buckets or folders there, such as s3://reports/2026/ with the last /, and not {_shown(text)!r}"
        )
    scheme = text.partition("://")[0]
    if scheme in _NEVER:
        raise ValueError(
            f"names {scheme}://, from where nothing is attached; read it in the application and give its data"
        )
    return text


class Fetcher:
    """``prefixes``: one of them begins each URL that is fetched."""

    def __init__(self, prefixes: Sequence[str]) -> None:
        self._prefixes = tuple(prefixes)

    def fetch(self, url: str, limit: int) -> Iterator[bytes]:
        """The octets of an object in blocks, ``limit`` octets at most. Raises `InvalidAttachment` or `MailTooLarge`."""
        self._check(url)
        try:
            yield from _blocks(url, limit)
        except (InvalidAttachment, MailTooLarge):
            raise
        except FileNotFoundError:
            raise InvalidAttachment(f"attachment {_shown(url)} is not there") from None
        except Exception as error:  # each object store has errors of its own, and some show keys
            raise InvalidAttachment(f"attachment {_shown(url)} cannot be read: {type(error).__name__}") from error

    def _check(self, url: str) -> None:
        if not any(url.startswith(prefix) and url != prefix for prefix in self._prefixes):
            allowed = " ".join(self._prefixes) or "none"
            raise InvalidAttachment(
                f"attachment {_shown(url)} begins with no URL that may be fetched: {allowed} (NOTIFIER_ATTACHMENT_URLS)"
            )
        if _is_ambiguous(url):
            raise InvalidAttachment(f"attachment {_shown(url)}: a URL has no '..', '::', query or control in it")


def _is_ambiguous(url: str) -> bool:
    path = unquote(url.partition("://")[2])
    steps = path.replace("\\", "/").split("/")
    odd = not url.isprintable() or len(url) > MAX_URL or any(mark in url for mark in ("::", "?", "#"))
    return odd or "://" in path or not {".", ".."}.isdisjoint(steps)


def _shown(url: str) -> str:
    """Without what may be a key."""
    try:
        parts = urlsplit(url)
        return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}{parts.path}"[:200]
    except ValueError:
        return "of a URL that is none"


def _blocks(url: str, limit: int) -> Iterator[bytes]:
    files, path = _opened(url)
    found = files.info(path)
    if found.get("type") != "file":
        raise InvalidAttachment(f"attachment {_shown(url)} is no object")
    if (found.get("size") or 0) > limit:
        raise _over(url, limit)
    left = limit  # whatever it said of its size
    with files.open(path, "rb", block_size=BLOCK) as file:  # or libraries read ahead by up to 50 MB
        while block := file.read(min(BLOCK, left + 1)):
            if (left := left - len(block)) < 0:
                raise _over(url, limit)
            yield block


def _over(url: str, limit: int) -> MailTooLarge:
    return MailTooLarge(f"attachment {_shown(url)} alone is over the limit of {limit:,} octets for a mail")


def _opened(url: str) -> tuple[Any, str]:
    try:
        import fsspec  # noqa: PLC0415 - an extra
    except ImportError:
        raise InvalidAttachment("an attachment by URL needs: pip install notifier-worker[blobs]") from None
    files, path = fsspec.url_to_fs(url, use_listings_cache=False)
    return files, str(path)
