"""Pinned keys: the SHA-256 digest of a certificate's SubjectPublicKeyInfo, as in RFC 7469 section 2.4.

It outlives a certificate that is renewed for the same key. Only the server's own key counts, and none of its issuers'.
"""

from __future__ import annotations

import base64
import hashlib
import re

from notifier.smtp import der

# Base64 has the slash among its digits: how many there are decides whether a second one is curl's or the digest's.
_PIN = re.compile(r"sha256//?([A-Za-z0-9+/]{43}=)\Z")


def canonical_pin(text: str) -> str:
    """``sha256/…`` for a pin that is written so, or ``sha256//…`` as curl has it. Raises `ValueError`."""
    if (found := _PIN.match(text)) is None:
        raise ValueError("a pin is sha256/ and 44 characters of Base64")
    return _written(base64.b64decode(found[1]))


def pin_of(certificate: bytes) -> str | None:
    """The pin of a DER certificate's key; None for what is no certificate."""
    try:
        return _written(hashlib.sha256(public_key(certificate)).digest())
    except (IndexError, ValueError):
        return None


def public_key(certificate: bytes) -> bytes:
    """``TBSCertificate.subjectPublicKeyInfo`` with its own tag and length (RFC 5280 section 4.1).

    Raises `ValueError` or `IndexError` for what is no certificate.
    """
    outer = der.element(certificate, 0, der.SEQUENCE)
    position = der.element(certificate, outer.begin, der.SEQUENCE).begin
    if certificate[position] == der.VERSION:  # it is left out in version 1
        position = der.element(certificate, position, der.VERSION).end
    position = der.element(certificate, position, der.INTEGER).end  # serialNumber
    for _ in ("signature", "issuer", "validity", "subject"):
        position = der.element(certificate, position, der.SEQUENCE).end
    key = der.element(certificate, position, der.SEQUENCE)
    return certificate[key.start : key.end]


def _written(digest: bytes) -> str:
    return f"sha256/{base64.b64encode(digest).decode('ascii')}"
