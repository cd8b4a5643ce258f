"""Bodies, always 7-bit safe: as they are, quoted-printable, or base64, whichever is right and shortest."""

from __future__ import annotations

import binascii
from collections.abc import Callable, Iterator

from notifier.errors import InvalidMail
from notifier.model.octets import Source

MAX_PLAIN_LINE = 998  # octets, RFC 5322 section 2.1.1
LINE = 76  # octets of base64
LINE_OF = 57  # octets that a line holds
_ASCII = bytes(range(128))
_PRINTABLE = bytes([0x09, 0x0A, *range(0x20, 0x7F)])
_QP_COST, _BASE64_COST = 2, 4 / 3 + 2 / LINE_OF  # octets more for each that is quoted; octets for each octet

_LATIN = 12  # of so many octets, one is more than there are characters: with one in twelve quoted is as long as base64
Encode = Callable[[bytes], bytes]


def text_body(text: str, quoted: Encode | None = None) -> tuple[str, bytes]:
    """Transfer encoding and octets of a text. ``quoted`` does the same as `quoted_printable`.

    Raises `InvalidMail` for half characters, which no charset has.
    """
    octets = _lines_of(text)
    if _is_plain(octets):
        return "7bit", octets.replace(b"\n", b"\r\n")
    body = _shorter_quoted(octets, len(octets) - len(text), quoted or quoted_printable)
    if body is not None:
        return "quoted-printable", body
    return "base64", base64_lines(octets.replace(b"\n", b"\r\n"))


def _shorter_quoted(octets: bytes, more: int, quote: Encode) -> bytes | None:
    """Quoted-printable; None where base64 is shorter. ``more``: octets than characters."""
    most = len(octets) * _BASE64_COST
    if more * _LATIN <= len(octets):  # mostly: then it is quicker to quote than to count what would be quoted
        body = quote(octets)
        if len(body) <= most:  # with its soft line breaks, and so without them
            return body
    return quote(octets) if _quoted_size(octets) <= most else None


def _lines_of(text: str) -> bytes:
    """UTF-8 with LF at the end of each line."""
    if "\r" in text:
        text = text.replace("\r\n", "\n").replace("\r", "\n")
    try:
        octets = text.encode()
    except UnicodeEncodeError as error:
        raise InvalidMail("the text holds half of a surrogate pair; it is no valid text") from error
    return octets if octets.endswith(b"\n") else octets + b"\n"


def _is_plain(octets: bytes) -> bool:
    if not octets.isascii() or octets.translate(None, _PRINTABLE):
        return False
    return len(octets) <= MAX_PLAIN_LINE or max(map(len, octets.split(b"\n"))) <= MAX_PLAIN_LINE


def is_plain_message(octets: bytes) -> bool:
    """True where these octets can stand in a message as they are: ASCII lines that end in CRLF, none too long."""
    lines = octets.split(b"\r\n")
    whole = lines.pop() == b"" and bool(lines)
    return whole and octets.isascii() and not any(map(_is_no_line, lines))


def _is_no_line(line: bytes) -> bool:
    return len(line) > MAX_PLAIN_LINE or b"\r" in line or b"\n" in line or b"\0" in line


def _quoted_size(octets: bytes) -> int:
    """About: soft line breaks are left out, which base64 has as many of."""
    return len(octets) + _QP_COST * (len(octets.translate(None, _ASCII)) + octets.count(b"="))


def quoted_printable(octets: bytes) -> bytes:
    """Text lines that end in LF as quoted-printable in lines of at most 76, each with CRLF (RFC 2045 section 6.7).

    Every line is encoded by itself: the same line is the same octets wherever it stands.
    """
    return b"".join(map(quoted_line, octets.split(b"\n")[:-1]))


def quoted_line(line: bytes) -> bytes:
    """A line without its end, encoded, with CRLF."""
    return binascii.b2a_qp(line + b"\n", istext=True).replace(b"\n", b"\r\n")


def base64_lines(data: bytes) -> bytes:
    """Base64 in lines of 76, each with CRLF (RFC 2045 section 6.8)."""
    encoded = binascii.b2a_base64(data, newline=False)
    return b"".join([encoded[start : start + LINE] + b"\r\n" for start in range(0, len(encoded), LINE)])


class Base64:
    """A big file as `base64_lines` has it, encoded as it is read. It has one octet at least."""

    def __init__(self, file: Source) -> None:
        self._file = file

    def __len__(self) -> int:
        octets = len(self._file)
        return (octets + 2) // 3 * 4 + 2 * -(-octets // LINE_OF)

    def __iter__(self) -> Iterator[bytes]:
        rest = b""
        for block in self._file:
            rest += block
            cut = len(rest) - len(rest) % LINE_OF
            yield base64_lines(rest[:cut])
            rest = rest[cut:]
        yield base64_lines(rest)
