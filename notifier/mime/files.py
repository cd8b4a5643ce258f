"""Names and types of attached files."""

from __future__ import annotations

import mimetypes
import re
import unicodedata

from notifier.errors import InvalidAttachment

MAX_NAME = 255  # octets
_TYPE = re.compile(
    r"(application|audio|font|image|model|text|video|message)/[a-z0-9][a-z0-9!#$&^_.+-]{0,126}\Z",
    re.IGNORECASE | re.ASCII,
)
_BIDI = frozenset(
    "\u061c\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069\u200e\u200f"
)  # "gpj.exe" read backwards


def safe_filename(name: object) -> str:
    """``name`` as it may stand in a header and on the recipient's disk. Raises `InvalidAttachment`."""
    if not isinstance(name, str):
        raise InvalidAttachment(f"a filename is text, not {type(name).__name__}")
    if not name.strip() or name in (".", "..") or "/" in name or "\\" in name:
        raise InvalidAttachment(f"a filename has no folders in it and is not empty: {name!r}")
    if any(unicodedata.category(char) in ("Cc", "Cs", "Zl", "Zp") or char in _BIDI for char in name):
        raise InvalidAttachment(f"a filename holds a control, half or direction character: {name!r}")
    if len(name.encode()) > MAX_NAME:
        raise InvalidAttachment(f"a filename has over {MAX_NAME} octets: {name[:40]!r}…")
    return name


def guess_content_type(filename: str) -> str:
    """The type that goes with the name's ending. Systems know odd ones (``chemical/x-pdb``), which are none here."""
    guessed, encoding = mimetypes.guess_type(filename)
    return guessed if guessed and not encoding and _TYPE.match(guessed) else "application/octet-stream"


def check_content_type(content_type: object) -> str:
    """A type without parameters; multiparts are the composer's own. Raises `InvalidAttachment`."""
    if not isinstance(content_type, str) or not _TYPE.match(content_type):
        raise InvalidAttachment(f"a content type is like application/pdf, not {content_type!r}")
    return content_type.lower()
