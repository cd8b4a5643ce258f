"""Pins of real keys, as another implementation computes them."""

from __future__ import annotations

import base64
import hashlib
from datetime import UTC, datetime, timedelta

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.x509.oid import NameOID

from notifier.smtp import Endpoint
from notifier.smtp.pinning import canonical_pin, pin_of

KEYS = {
    "RSA": rsa.generate_private_key(65537, 2048),
    "P-256": ec.generate_private_key(ec.SECP256R1()),
    "Ed25519": ed25519.Ed25519PrivateKey.generate(),
}
DIGEST = "/+" + "A" * 41 + "="  # Base64 has both signs among its digits


def certificate(key: object) -> bytes:
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "relay.example")])
    now = datetime.now(UTC)
    built = x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key())
    built = built.serial_number(2**150).not_valid_before(now).not_valid_after(now + timedelta(days=1))
    algorithm = None if isinstance(key, ed25519.Ed25519PrivateKey) else hashes.SHA256()
    return built.sign(key, algorithm).public_bytes(serialization.Encoding.DER)


@pytest.mark.parametrize("kind", KEYS)
def test_the_pin_is_the_digest_of_the_public_key_alone(kind: str) -> None:
    key = KEYS[kind].public_key()
    octets = key.public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)
    assert pin_of(certificate(KEYS[kind])) == f"sha256/{base64.b64encode(hashlib.sha256(octets).digest()).decode()}"


def test_the_pin_outlives_the_certificate() -> None:
    first, second = (certificate(KEYS["P-256"]) for _ in range(2))
    assert first != second
    assert pin_of(first) == pin_of(second)


def test_no_part_of_a_certificate_has_a_pin() -> None:
    whole = certificate(KEYS["P-256"])
    assert {pin_of(whole[:length]) for length in range(len(whole))} == {None}


@pytest.mark.parametrize("junk", [b"", b"\x30", b"\x30\x80", b"\x30\x84\xff\xff\xff\xff", b"x" * 100, b"\x30" * 100])
def test_what_is_no_certificate_has_no_pin(junk: bytes) -> None:
    assert pin_of(junk) is None


@pytest.mark.parametrize("written", [f"sha256/{DIGEST}", f"sha256//{DIGEST}"])
def test_a_pin_is_read_as_the_rfc_has_it_and_as_curl_does(written: str) -> None:
    assert canonical_pin(written) == f"sha256/{DIGEST}"


def test_endpoints_with_the_same_pin_are_equal_however_it_is_written() -> None:
    one, other = (Endpoint("relay.example", 25, pins=(f"sha256{slash}{DIGEST}",)) for slash in ("/", "//"))
    assert one == other
    assert hash(one) == hash(other)


@pytest.mark.parametrize(
    "text",
    ["", DIGEST, f"sha1/{DIGEST}", f"sha256/{DIGEST[:-1]}", f"sha256/{DIGEST}\n", "sha256/", f"sha256///{DIGEST}"],
)
def test_what_is_no_pin_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="44 characters of Base64"):
        canonical_pin(text)
    with pytest.raises(ValueError, match="44 characters of Base64"):
        Endpoint("relay.example", 25, pins=(text,))
