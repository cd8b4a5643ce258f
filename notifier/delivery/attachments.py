"""Attachments as callers give them, read at the call: octets, a file, one that is stored already, an object's URL."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeGuard

from notifier.delivery.attached_files import read_file
from notifier.errors import BlobUnavailable, InvalidAttachment, MailTooLarge
from notifier.mime import check_content_type, guess_content_type, safe_filename
from notifier.model.content import Attachment
from notifier.model.email import AttachmentRef
from notifier.model.octets import Source
from notifier.model.reread import read_once

HELD = 2**20  # octets; objects up to here are asked for once

_SOURCES = ("blob", "data", "path", "url")
_FIELDS = frozenset({*_SOURCES, "filename", "content_type", "inline"})
_SHOWN = ("image/png", "image/jpeg", "image/gif", "image/webp", "image/svg+xml")


def _nothing_is_stored(tenant: str, blob: str) -> int:
    raise BlobUnavailable(f"there are no stored attachments here, and none {blob} of tenant {tenant!r}")


def _nothing_is_fetched(url: str, limit: int) -> Iterator[bytes]:
    del limit
    raise InvalidAttachment(f"no URL is fetched: {url[:80]!r}")


@dataclass(frozen=True, slots=True)
class Sources:
    """Where attachments may come from beside the call itself. ``roots``: the folders of files; none: any file.
    ``stored(tenant, blob)``: the octets that one has which was stored before. ``fetched(url, limit)``: those of an object, in blocks.
    """

    roots: tuple[Path, ...] = ()
    stored: Callable[[str, str], int] = _nothing_is_stored
    fetched: Callable[[str, int], Iterator[bytes]] = _nothing_is_fetched


@dataclass(frozen=True, slots=True)
class GivenFile:
    """An attachment of a call, checked. What is big and can be read again is a `Source`."""

    filename: str
    content_type: str
    data: bytes | Source = field(repr=False)
    inline: bool = False


def read_attachment(given: object, *, limit: int, allow_paths: bool, sources: Sources = Sources()) -> GivenFile:
    """A file from an `Attachment`, ``{"path": …}``, ``{"url": …}`` or ``{"filename": …, "data": base64 text or bytes}``.

    ``limit`` is the most octets it may have. ``allow_paths`` is False for payloads that came through the broker:
    whoever can publish there must not read the worker's files, nor what it may fetch.
    Raises `InvalidAttachment` or `MailTooLarge`.
    """
    if isinstance(given, Attachment):
        if not isinstance(given.data, bytes):
            raise InvalidAttachment(f"attachment {given.filename!r}: data is bytes, not {type(given.data).__name__}")
        octets = octets_of(given.data, f"attachment {given.filename!r}", limit)
        return _named(given.filename, given.content_type, octets, given.inline)
    if not isinstance(given, Mapping):
        raise InvalidAttachment(f"an attachment is a mapping or an Attachment, not {type(given).__name__}")
    source = _source_of(given)
    if source in ("path", "url") and not allow_paths:
        raise InvalidAttachment(f"an attachment of a task sent by name carries its data, not a {source}")
    match source:
        case "path":
            return _from_path(given, limit, sources)
        case "url":
            return _from_url(given, limit, sources)
        case "data":
            return _from_data(given, limit)
        case _:
            raise InvalidAttachment("a stored attachment is read by the worker; give its data here")


def is_stored(given: object) -> TypeGuard[Mapping[str, Any]]:
    """True where it is named by its blob, so that its octets need not be here."""
    return isinstance(given, Mapping) and "blob" in given


def stored_attachment(given: Mapping[str, Any], *, tenant: str, sources: Sources) -> AttachmentRef:
    """What ``{"blob": …, "filename": …}`` refers to. Raises `InvalidAttachment` where the tenant has no such blob."""
    _source_of(given)
    blob, name = given["blob"], safe_filename(given.get("filename"))
    content_type = check_content_type(given.get("content_type") or guess_content_type(name))
    if not isinstance(blob, str):
        raise InvalidAttachment(f"attachment {name!r}: a blob is named by text, not {type(blob).__name__}")
    try:
        return AttachmentRef(name, content_type, blob, sources.stored(tenant, blob), _inline(given, name, content_type))
    except BlobUnavailable as error:
        raise InvalidAttachment(f"attachment {name!r}: {error}") from error


def _source_of(given: Mapping[str, Any]) -> str:
    if unknown := set(map(str, given)) - _FIELDS:
        raise InvalidAttachment(
            f"unknown field {', '.join(sorted(unknown))} in an attachment; known: {', '.join(sorted(_FIELDS))}"
        )
    named = [source for source in _SOURCES if source in given]
    if len(named) != 1:
        raise InvalidAttachment("an attachment has one of: a path, data with a filename, a blob with a filename, a url")
    return named[0]


def _from_path(given: Mapping[str, Any], limit: int, sources: Sources) -> GivenFile:
    data = read_file(given["path"], limit=limit, roots=sources.roots)
    name = given.get("filename", Path(given["path"]).name)
    return _named(name, given.get("content_type"), data, given.get("inline", False))


def _from_url(given: Mapping[str, Any], limit: int, sources: Sources) -> GivenFile:
    url = given["url"]
    if not isinstance(url, str):
        raise InvalidAttachment(f"an attachment's url is text, not {type(url).__name__}")
    name = given.get("filename", url.rpartition("/")[2])
    data = read_once(f"attachment {name!r}", lambda: sources.fetched(url, limit), held=HELD)
    return _named(name, given.get("content_type"), data, given.get("inline", False))


def _from_data(given: Mapping[str, Any], limit: int) -> GivenFile:
    filename = given.get("filename")
    if not isinstance(filename, str):
        raise InvalidAttachment("an attachment given as data needs a filename")
    octets = octets_of(given["data"], f"attachment {filename!r}", limit)
    return _named(filename, given.get("content_type"), octets, given.get("inline", False))


def octets_of(data: object, what: str, limit: int) -> bytes:
    """Octets, or the base64 text of them, as JSON has to carry them. Raises `InvalidAttachment` or `MailTooLarge`."""
    if isinstance(data, str):
        if len(data) // 4 * 3 > limit + 2:  # before it is decoded: what is too big costs no memory
            raise MailTooLarge(f"{what} alone is over the limit of {limit:,} octets for a mail")
        try:
            data = base64.b64decode(data, validate=True)
        except (binascii.Error, ValueError) as error:
            raise InvalidAttachment(f"{what}: data is not valid base64: {error}") from error
    if not isinstance(data, bytes | bytearray | memoryview):
        raise InvalidAttachment(f"{what}: data is base64 text or bytes, not {type(data).__name__}")
    if len(data) > limit:
        raise MailTooLarge(f"{what} alone is over the limit of {limit:,} octets for a mail")
    return bytes(data)


def _named(filename: object, content_type: object, data: bytes | Source, inline: object) -> GivenFile:
    name = safe_filename(filename)
    kind = check_content_type(content_type or guess_content_type(name))
    return GivenFile(name, kind, data, _inline({"inline": inline}, name, kind))


def _inline(given: Mapping[str, Any], name: str, content_type: str) -> bool:
    inline = given.get("inline", False)
    if not isinstance(inline, bool):
        raise InvalidAttachment(f"attachment {name!r}: inline is True or False, not {inline!r}")
    if inline and content_type not in _SHOWN:
        raise InvalidAttachment(f"attachment {name!r}: the html part shows images, and {content_type} is none")
    return inline
