"""Channel bindings of a TLS connection, for SCRAM's -PLUS mechanisms (RFC 5929).

``tls-unique`` exists up to TLS 1.2 only: on 1.3 the standard library still returns octets for it, and they bind nothing.
``tls-server-end-point`` is the hash of the server's certificate, by the hash of the certificate's own signature.
``tls-exporter`` (RFC 9266) is not to be had from the standard library.
"""

from __future__ import annotations

import hashlib
import ssl
from collections.abc import Iterator

from notifier.protocol.sasl import ChannelBinding

# RFC 5929 section 4.1: MD5 and SHA-1 count as SHA-256; a signature without one hash (Ed25519, PSS) has no binding.
_HASH_OF_SIGNATURE = {
    "1.2.840.113549.1.1.4": "sha256",  # md5WithRSAEncryption
    "1.2.840.113549.1.1.5": "sha256",  # sha1WithRSAEncryption
    "1.2.840.113549.1.1.11": "sha256",
    "1.2.840.113549.1.1.12": "sha384",
    "1.2.840.113549.1.1.13": "sha512",
    "1.2.840.10045.4.1": "sha256",  # ecdsa-with-SHA1
    "1.2.840.10045.4.3.2": "sha256",
    "1.2.840.10045.4.3.3": "sha384",
    "1.2.840.10045.4.3.4": "sha512",
}
_SEQUENCE, _OBJECT_IDENTIFIER = 0x30, 0x06


def channel_bindings(connection: ssl.SSLSocket) -> Iterator[ChannelBinding]:
    """What there is, the strongest first."""
    if connection.version() == "TLSv1.2" and (unique := connection.get_channel_binding("tls-unique")):
        yield ChannelBinding("tls-unique", unique)
    certificate = connection.getpeercert(binary_form=True)
    if certificate and (digest := end_point(certificate)) is not None:
        yield ChannelBinding("tls-server-end-point", digest)


def end_point(certificate: bytes) -> bytes | None:
    """The hash of a DER certificate; None where the binding is not defined for its signature."""
    try:
        name = _HASH_OF_SIGNATURE.get(_signature_algorithm(certificate))
    except (IndexError, ValueError):
        return None
    return hashlib.new(name, certificate).digest() if name else None


def _signature_algorithm(certificate: bytes) -> str:
    """The object identifier in ``Certificate.signatureAlgorithm`` (RFC 5280 section 4.1.1.2)."""
    outer, _ = _element(certificate, 0, _SEQUENCE)
    _, behind = _element(certificate, outer[0], _SEQUENCE)  # tbsCertificate
    algorithm, _ = _element(certificate, behind, _SEQUENCE)
    oid, _ = _element(certificate, algorithm[0], _OBJECT_IDENTIFIER)
    return _dotted(certificate[oid[0] : oid[1]])


def _element(octets: bytes, start: int, tag: int) -> tuple[tuple[int, int], int]:
    """Where the content of the DER element at ``start`` begins and ends, and where the next element begins."""
    if octets[start] != tag:
        raise ValueError("not the element that stands there in a certificate")
    length, begin = octets[start + 1], start + 2
    if length & 0x80:
        count = length & 0x7F
        length = int.from_bytes(octets[begin : begin + count], "big")
        begin += count
    return (begin, begin + length), begin + length


def _dotted(octets: bytes) -> str:
    arcs, value = [octets[0] // 40, octets[0] % 40], 0
    for octet in octets[1:]:
        value = value << 7 | octet & 0x7F
        if not octet & 0x80:
            arcs.append(value)
            value = 0
    return ".".join(map(str, arcs))
