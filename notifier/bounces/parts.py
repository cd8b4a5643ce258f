"""A message of strangers, taken apart in linear time: so many parts, so deep, so many fields. It raises nothing.

The standard library's parser asks each line after the end of every part that it is in, which a hostile message makes minutes of.
"""

from __future__ import annotations

import base64
import binascii
import quopri
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice

MOST = 2**20  # octets that are looked at; what a report says stands before the message that it returns
MOST_PARTS = 40  # of one multipart
MOST_DEPTH = 5
MOST_FIELDS = 300  # of one header
MOST_VALUE = 4096  # characters of one field

_FIELD = re.compile(r"([!-9;-~]{1,80})[ \t]*:(.*)", re.DOTALL)
_BOUNDARY = re.compile(r"""[; \t]boundary[ \t]*=[ \t]*(?:"([^"]{1,200})"|([^;"\s]{1,200}))""", re.IGNORECASE)
_WHOLE_MESSAGES = frozenset({"message/rfc822", "message/global"})
_HEADERS_ALONE = frozenset({"text/rfc822-headers", "message/rfc822-headers", "message/global-headers"})

Fields = Mapping[str, Sequence[str]]


@dataclass(frozen=True, slots=True)
class Part:
    """``fields`` by their names in small letters; ``body`` with its transfer encoding taken off, line ends LF."""

    fields: Fields
    body: bytes

    @property
    def content_type(self) -> str:
        """In small letters; RFC 2045's default where none is there."""
        return self.first("content-type").partition(";")[0].strip().lower() or "text/plain"

    @property
    def text(self) -> str:
        """The body as far as it can be read: the words that count are ASCII in all of them."""
        return text_of(self.body)

    def first(self, name: str) -> str:
        """The first field of that name; empty where there is none."""
        return next(iter(self.fields.get(name, ())), "")


def text_of(octets: bytes) -> str:
    """UTF-8, or else each octet a letter."""
    try:
        return octets.decode()
    except UnicodeDecodeError:
        return octets.decode("latin-1")


def parts_of(octets: bytes) -> list[Part]:
    """The message, and all parts in it, in their order. What was returned is one part, its header, and not looked into."""
    octets = octets[:MOST].replace(b"\r\n", b"\n").replace(b"\r", b"\n")
    return list(islice(_walk(octets, 0), MOST_PARTS * 2))


def _walk(octets: bytes, depth: int) -> Iterator[Part]:
    part = part_of(octets)
    yield part
    boundary = _BOUNDARY.search(part.first("content-type")[:2000])
    if boundary is None or depth == MOST_DEPTH or not part.content_type.startswith("multipart/"):
        return
    for piece in _pieces(part.body, (boundary[1] or boundary[2]).encode()):
        yield from _walk(piece, depth + 1)


def _pieces(body: bytes, boundary: bytes) -> Iterator[bytes]:
    """Between the delimiters (RFC 2046 section 5.1.1); the last may lack its end, where the message was cut."""
    delimiter = re.compile(rb"\n--" + re.escape(boundary) + rb"(--)?[ \t]{0,80}(?=\n|\Z)")
    body = b"\n" + body
    begin = None
    for found in islice(delimiter.finditer(body), MOST_PARTS):
        if begin is not None:
            yield body[begin : found.start()]
        begin = None if found[1] else found.end() + 1
        if begin is None:
            return
    if begin is not None:
        yield body[begin:]


def part_of(octets: bytes) -> Part:
    """A header and what follows it."""
    header, body = _divided(octets)
    fields = fields_of(text_of(header))
    return Part(fields, _decoded(body, next(iter(fields.get("content-transfer-encoding", ())), "")))


def _divided(octets: bytes) -> tuple[bytes, bytes]:
    if octets.startswith(b"\n"):
        return b"", octets[1:]
    header, _, body = octets.partition(b"\n\n")
    return header, body


def fields_of(header: str) -> Fields:
    """Unfolded. A line that is no field is left out, as is mbox's "From "."""
    found: dict[str, list[str]] = {}
    lines: list[str] = []
    for line in islice(header.split("\n"), MOST_FIELDS * 10):
        if line[:1] in (" ", "\t") and lines:
            if len(lines[-1]) < MOST_VALUE:
                lines[-1] += " " + line.strip()
        else:
            lines.append(line)
    for line in islice(lines, MOST_FIELDS):
        field = _FIELD.match(line[:MOST_VALUE])
        if field is not None:
            found.setdefault(field[1].lower(), []).append(field[2].strip())
    return found


def _decoded(body: bytes, encoding: str) -> bytes:
    match encoding.strip().lower():
        case "base64":
            return _from_base64(body)
        case "quoted-printable":
            return quopri.decodestring(body).replace(b"\r\n", b"\n")
        case _:
            return body


def _from_base64(body: bytes) -> bytes:
    """As much as there is; a footer that a gateway has put behind it is no part of it."""
    letters = re.sub(rb"[^A-Za-z0-9+/]", b"", body.partition(b"\n\n")[0].partition(b"=")[0])
    try:
        return base64.b64decode(letters[: len(letters) // 4 * 4] + _last(letters)).replace(b"\r\n", b"\n")
    except binascii.Error:
        return b""


def _last(letters: bytes) -> bytes:
    rest = letters[len(letters) // 4 * 4 :]
    return rest.ljust(4, b"=") if len(rest) > 1 else b""


def returned_by(part: Part) -> Fields | None:
    """The header of the message that a part returns; None where it returns none."""
    if part.content_type in _WHOLE_MESSAGES or part.content_type in _HEADERS_ALONE:
        header, _ = _divided(part.body.lstrip(b"\n"))
        return fields_of(text_of(header))
    return None
