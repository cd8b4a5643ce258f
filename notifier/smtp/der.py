"""As much of DER (ITU-T X.690) as it takes to find a field in a certificate that OpenSSL has accepted."""

from __future__ import annotations

from typing import NamedTuple

INTEGER, OBJECT_IDENTIFIER, SEQUENCE, VERSION = 0x02, 0x06, 0x30, 0xA0  # VERSION: [0] in a TBSCertificate


class Element(NamedTuple):
    """Where an element stands, where its content begins, and where both end."""

    start: int
    begin: int
    end: int


def element(octets: bytes, start: int, tag: int) -> Element:
    """The element at ``start``. Raises `ValueError` or `IndexError` where it is another, or is cut short."""
    if octets[start] != tag:
        raise ValueError("not the element that stands there in a certificate")
    length, begin = octets[start + 1], start + 2
    if length & 0x80:
        count = length & 0x7F
        length = int.from_bytes(octets[begin : begin + count], "big")
        begin += count
    if begin + length > len(octets):
        raise ValueError("an element longer than what holds it")
    return Element(start, begin, begin + length)


def dotted(octets: bytes) -> str:
    """An object identifier's content as text."""
    arcs, value = [octets[0] // 40, octets[0] % 40], 0
    for octet in octets[1:]:
        value = value << 7 | octet & 0x7F
        if not octet & 0x80:
            arcs.append(value)
            value = 0
    return ".".join(map(str, arcs))
