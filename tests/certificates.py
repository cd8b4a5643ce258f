"""Certificates for tests, good ones and those that nobody should accept."""

from __future__ import annotations

import ssl
from datetime import UTC, datetime, timedelta

import trustme
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

LONG_AGO = datetime(2020, 1, 1, tzinfo=UTC)


def server_context(leaf: trustme.LeafCert) -> ssl.SSLContext:
    """Shows the certificate."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    leaf.configure_cert(context)
    return context


def good(authority: trustme.CA, host: str) -> ssl.SSLContext:
    return server_context(authority.issue_cert(host))


def expired(authority: trustme.CA, host: str) -> ssl.SSLContext:
    return server_context(authority.issue_cert(host, not_after=LONG_AGO))


def for_another_name(authority: trustme.CA, host: str) -> ssl.SSLContext:
    return server_context(authority.issue_cert(f"not-{host}.example"))


def self_signed(authority: trustme.CA, host: str) -> ssl.SSLContext:
    """Right in every other way."""
    del authority
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, host)])
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(host)]), critical=False)
        .sign(key, hashes.SHA256())
    )
    pem = serialization.Encoding.PEM
    octets = key.private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    return server_context(trustme.LeafCert(octets, certificate.public_bytes(pem), []))
