"""Attachments as callers give them, read once at the call: a path, base64 text, or octets."""

from __future__ import annotations

import base64
import binascii
import os
import stat
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from notifier.errors import InvalidAttachment, MailTooLarge
from notifier.mime import guess_content_type, safe_filename
from notifier.model.content import Attachment

_FIELDS = frozenset({"path", "data", "filename", "content_type"})


def read_attachment(given: object, *, limit: int, allow_paths: bool) -> Attachment:
    """An `Attachment` from ``{"path": …}`` or ``{"filename": …, "data": base64 text or bytes}``.

    ``limit`` is the most octets it may have. ``allow_paths`` is False for payloads that came through the broker:
    whoever can publish there must not read the worker's files.
    Raises `InvalidAttachment` or `MailTooLarge`.
    """
    if isinstance(given, Attachment):
        return _named(given.filename, given.content_type, given.data)
    if not isinstance(given, Mapping):
        raise InvalidAttachment(f"an attachment is a mapping or an Attachment, not {type(given).__name__}")
    if unknown := set(map(str, given)) - _FIELDS:
        raise InvalidAttachment(f"unknown field {', '.join(sorted(unknown))} in an attachment; known: {_known()}")
    if ("path" in given) == ("data" in given):
        raise InvalidAttachment("an attachment has either a path or data with a filename")
    if "path" in given:
        return _from_path(given, limit, allow_paths)
    return _from_data(given)


def _known() -> str:
    return ", ".join(sorted(_FIELDS))


def _from_path(given: Mapping[str, Any], limit: int, allow_paths: bool) -> Attachment:
    path = Path(given["path"])
    if not allow_paths:
        raise InvalidAttachment(f"attachment {path.name!r}: a task sent by name carries its data, not a path")
    return _named(given.get("filename", path.name), given.get("content_type"), _read_regular_file(path, limit))


def _read_regular_file(path: Path, limit: int) -> bytes:
    # O_NOFOLLOW: a link that was swapped in leads nowhere. O_NONBLOCK: opening a FIFO does not hang.
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise InvalidAttachment(f"attachment {path} cannot be read: {reason}") from error
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise InvalidAttachment(f"attachment {path} is not a regular file")
    with os.fdopen(descriptor, "rb") as file:
        data = file.read(limit + 1)
    if len(data) > limit:
        raise MailTooLarge(f"attachment {path} alone is over the limit of {limit:,} octets for a mail")
    return data


def _from_data(given: Mapping[str, Any]) -> Attachment:
    filename, data = given.get("filename"), given["data"]
    if not isinstance(filename, str):
        raise InvalidAttachment("an attachment given as data needs a filename")
    if isinstance(data, str):
        try:
            data = base64.b64decode(data, validate=True)
        except (binascii.Error, ValueError) as error:
            raise InvalidAttachment(f"attachment {filename!r}: data is not valid base64: {error}") from error
    if not isinstance(data, bytes):
        raise InvalidAttachment(f"attachment {filename!r}: data is base64 text or bytes, not {type(data).__name__}")
    return _named(filename, given.get("content_type"), data)


def _named(filename: str, content_type: str | None, data: bytes) -> Attachment:
    name = safe_filename(filename)
    return Attachment(name, content_type or guess_content_type(name), data)
