"""Channel bindings of a TLS connection, for SCRAM's -PLUS mechanisms (RFC 5929).

``tls-unique`` exists up to TLS 1.2 only: on 1.3 the standard library still returns octets for it, and they bind nothing.
``tls-server-end-point`` is the hash of the server's certificate, by the hash of the certificate's own signature.
``tls-exporter`` (RFC 9266) is not to be had from the standard library.
"""

from __future__ import annotations

import hashlib
import ssl
from collections.abc import Iterator

from notifier.protocol.sasl.scram import ChannelBinding
from notifier.smtp import der

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
    to_be_signed = der.element(certificate, der.element(certificate, 0, der.SEQUENCE).begin, der.SEQUENCE)
    algorithm = der.element(certificate, to_be_signed.end, der.SEQUENCE)
    oid = der.element(certificate, algorithm.begin, der.OBJECT_IDENTIFIER)
    return der.dotted(certificate[oid.begin : oid.end])
