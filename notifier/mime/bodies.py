"""Bodies, always 7-bit safe: as they are, quoted-printable, or base64, whichever is right and shortest."""

from __future__ import annotations

import binascii
import re

from notifier.errors import InvalidMail

_LINE_END = re.compile(r"\r\n|\r|\n")
_PLAIN = re.compile(rb"[\t\r\n\x20-\x7e]*\Z")
MAX_PLAIN_LINE = 998  # octets, RFC 5322 section 2.1.1
LINE = 76  # octets of base64


def text_body(text: str) -> tuple[str, bytes]:
    """Transfer encoding and octets of a text. Raises `InvalidMail` for half characters, which no charset has."""
    try:
        octets = "\n".join(_LINE_END.split(text)).encode()
    except UnicodeEncodeError as error:
        raise InvalidMail("the text holds half of a surrogate pair; it is no valid text") from error
    if not octets.endswith(b"\n"):
        octets += b"\n"
    if _PLAIN.match(octets) and max(map(len, octets.split(b"\n"))) <= MAX_PLAIN_LINE:
        return "7bit", octets.replace(b"\n", b"\r\n")
    quoted = binascii.b2a_qp(octets, istext=True).replace(b"\n", b"\r\n")
    if len(quoted) <= len(octets) * 1.4:
        return "quoted-printable", quoted
    return "base64", base64_lines(octets.replace(b"\n", b"\r\n"))


def base64_lines(data: bytes) -> bytes:
    """Base64 in lines of 76, each with CRLF (RFC 2045 section 6.8)."""
    encoded = binascii.b2a_base64(data, newline=False)
    return b"".join(encoded[start : start + LINE] + b"\r\n" for start in range(0, len(encoded), LINE))
