"""Canonicalisation "relaxed" of DKIM (RFC 6376 section 3.4): what a relay may do to blanks on the way changes nothing.

Lines end in CRLF, as in every `notifier.model.envelope.MailObject`; bare line ends are no lines here.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Iterator

_FIELD_END = re.compile(rb"\r\n(?![ \t])")
_BLANKS = re.compile(rb"[ \t]{2,}|\t")  # that are not one blank already


def fields_of(header: bytes) -> list[bytes]:
    """The fields of a header, folded as they are, without their last CRLF."""
    return [field for field in _FIELD_END.split(header) if field]


def relaxed_field(field: bytes) -> bytes:
    """Section 3.4.2. Without the CRLF, which the field of the signature itself is hashed without."""
    name, _, value = field.partition(b":")
    return name.strip(b" \t").lower() + b":" + _BLANKS.sub(b" ", value.replace(b"\r\n", b"")).strip(b" ")


def relaxed_body_hash(blocks: Iterable[bytes]) -> bytes:
    """SHA-256 over the body by section 3.4.4, in one pass. The blocks may be cut anywhere."""
    digest, empty_lines, empty = hashlib.sha256(), 0, True
    for lines in map(_relaxed, _whole_lines(blocks)):
        text = lines.rstrip(b"\r\n")
        if text:
            digest.update(b"\r\n" * empty_lines + text)
            empty_lines, empty = 0, False
        empty_lines += (len(lines) - len(text)) // 2  # at the end of the body they are ignored
    if not empty:
        digest.update(b"\r\n")
    return digest.digest()


def _whole_lines(blocks: Iterable[bytes]) -> Iterator[bytes]:
    """Some at a time; only the last may lack its end."""
    rest = b""
    for block in blocks:
        rest += block
        end = rest.rfind(b"\r\n") + 2
        if end >= 2:
            yield rest[:end]
            rest = rest[end:]
    if rest:
        yield rest


def _relaxed(lines: bytes) -> bytes:
    # Two plain searches spare most blocks the expression, and all of them its backtracking over blanks before a line end.
    if b"\t" in lines or b"  " in lines:
        lines = _BLANKS.sub(b" ", lines)
    return lines.replace(b" \r\n", b"\r\n").removesuffix(b" ")
