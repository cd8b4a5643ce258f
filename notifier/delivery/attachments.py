"""Attachments as callers give them, read once at the call: octets, a file, one that is stored already, an object's URL."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from notifier.delivery.attached_files import read_file
from notifier.errors import InvalidAttachment, MailTooLarge
from notifier.mime import check_content_type, guess_content_type, safe_filename
from notifier.model.content import Attachment

_SOURCES = ("path", "data")
_FIELDS = frozenset({*_SOURCES, "filename", "content_type"})


@dataclass(frozen=True, slots=True)
class Sources:
    """Where attachments may come from beside the call itself. ``roots``: the folders of files; none: any file."""

    roots: tuple[Path, ...] = ()


def read_attachment(given: object, *, limit: int, allow_paths: bool, sources: Sources = Sources()) -> Attachment:
    """An `Attachment` from ``{"path": …}`` or ``{"filename": …, "data": base64 text or bytes}``.

    ``limit`` is the most octets it may have. ``allow_paths`` is False for payloads that came through the broker:
    whoever can publish there must not read the worker's files.
    Raises `InvalidAttachment` or `MailTooLarge`.
    """
    if isinstance(given, Attachment):
        return _named(given.filename, given.content_type, given.data)
    if not isinstance(given, Mapping):
        raise InvalidAttachment(f"an attachment is a mapping or an Attachment, not {type(given).__name__}")
    if _source_of(given) == "path":
        return _from_path(given, limit, allow_paths, sources)
    return _from_data(given, limit)


def _source_of(given: Mapping[str, Any]) -> str:
    if unknown := set(map(str, given)) - _FIELDS:
        raise InvalidAttachment(
            f"unknown field {', '.join(sorted(unknown))} in an attachment; known: {', '.join(sorted(_FIELDS))}"
        )
    named = [source for source in _SOURCES if source in given]
    if len(named) != 1:
        raise InvalidAttachment("an attachment has either a path or data with a filename")
    return named[0]


def _from_path(given: Mapping[str, Any], limit: int, allow_paths: bool, sources: Sources) -> Attachment:
    if not allow_paths:
        raise InvalidAttachment("an attachment of a task sent by name carries its data, not a path")
    data = read_file(given["path"], limit=limit, roots=sources.roots)
    return _named(given.get("filename", Path(given["path"]).name), given.get("content_type"), data)


def _from_data(given: Mapping[str, Any], limit: int) -> Attachment:
    filename = given.get("filename")
    if not isinstance(filename, str):
        raise InvalidAttachment("an attachment given as data needs a filename")
    return _named(filename, given.get("content_type"), octets_of(given["data"], f"attachment {filename!r}", limit))


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


def _named(filename: object, content_type: object, data: bytes) -> Attachment:
    name = safe_filename(filename)
    return Attachment(name, check_content_type(content_type or guess_content_type(name)), data)
