"""Channel bindings (RFC 5929) of real certificates and real TLS connections."""

from __future__ import annotations

import hashlib
import socket
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.x509.oid import NameOID

from notifier.smtp.channel_binding import channel_bindings, end_point

RSA, CURVE, ED = (
    rsa.generate_private_key(65537, 2048),
    ec.generate_private_key(ec.SECP256R1()),
    ed25519.Ed25519PrivateKey.generate(),
)


def certificate(key: object, algorithm: object) -> bytes:
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "relay.example")])
    now = datetime.now(UTC)
    built = x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key())
    built = built.serial_number(7).not_valid_before(now).not_valid_after(now + timedelta(days=1))
    return built.sign(key, algorithm).public_bytes(serialization.Encoding.DER)


@pytest.mark.parametrize(
    ("key", "algorithm", "digest"),
    [
        (RSA, hashes.SHA256(), "sha256"),
        (RSA, hashes.SHA384(), "sha384"),
        (RSA, hashes.SHA512(), "sha512"),
        (CURVE, hashes.SHA256(), "sha256"),
        (CURVE, hashes.SHA384(), "sha384"),
        (CURVE, hashes.SHA512(), "sha512"),
    ],
)
def test_law_11_the_end_point_is_the_certificates_hash_by_its_signatures_own(
    key: object, algorithm: object, digest: str
) -> None:
    der = certificate(key, algorithm)
    assert end_point(der) == hashlib.new(digest, der).digest()


def test_law_11_a_signature_without_one_hash_has_no_end_point() -> None:
    assert end_point(certificate(ED, None)) is None


@pytest.mark.parametrize("der", [b"", b"\x30", b"\x30\x03\x02\x01\x07", b"x" * 100, b"\x30\x82"])
def test_what_is_no_certificate_has_no_end_point(der: bytes) -> None:
    assert end_point(der) is None


@contextmanager
def connected(version: ssl.TLSVersion) -> Iterator[ssl.SSLSocket]:
    import trustme

    authority = trustme.CA()
    serving, asking = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER), ssl.create_default_context()
    authority.issue_cert("relay.example").configure_cert(serving)
    authority.configure_trust(asking)
    serving.maximum_version = asking.maximum_version = version
    ours, theirs = socket.socketpair()

    def serve() -> None:
        with serving.wrap_socket(theirs, server_side=True) as server:
            server.sendall(b".")
            server.recv(1)

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    with asking.wrap_socket(ours, server_hostname="relay.example") as client:
        client.recv(1)  # with TLS 1.3 a client is done first, and would be gone in the middle of the server's handshake
        yield client
    thread.join(5)


def test_law_11_tls_unique_is_for_tls_1_2_alone() -> None:
    with connected(ssl.TLSVersion.TLSv1_2) as old:
        kinds = {binding.kind: binding.data for binding in channel_bindings(old)}
        assert list(kinds) == ["tls-unique", "tls-server-end-point"]
        assert kinds["tls-unique"] == old.get_channel_binding("tls-unique")
    with connected(ssl.TLSVersion.TLSv1_3) as new:
        assert [binding.kind for binding in channel_bindings(new)] == ["tls-server-end-point"]
