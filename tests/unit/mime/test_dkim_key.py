from __future__ import annotations

import base64

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from signing_keys import ed25519_key, pem_of, rsa_key, rsa_pem

from notifier.mime.dkim_key import read_key


@pytest.mark.parametrize("form", ["PKCS8", "TraditionalOpenSSL"])
def test_an_rsa_key_is_read_in_both_forms(form: str) -> None:
    key = read_key(rsa_pem(form=form), domain="example.com", selector="r1")
    assert (key.algorithm, key.bits, key.is_short) == ("rsa-sha256", 2048, False)


def test_a_key_of_1024_bits_is_read_and_short() -> None:
    assert rsa_key(bits=1024).is_short


def test_the_record_is_what_belongs_in_the_dns() -> None:
    key = ed25519_key("shop.example", "e1")
    assert key.record_name == "e1._domainkey.shop.example"
    assert key.record == f"v=DKIM1; k=ed25519; p={base64.b64encode(key.public).decode()}"
    assert len(key.public) == 32
    assert rsa_key().record.startswith("v=DKIM1; k=rsa; p=MII")


def test_a_key_that_no_receiver_takes_is_refused() -> None:
    """Of 512 bits; the library makes none, so it is put together from two primes."""
    p, q = 2**255 + 95, 2**256 - 189
    d = rsa.rsa_recover_private_exponent(65537, p, q)
    public = rsa.RSAPublicNumbers(65537, p * q)
    parts = rsa.rsa_crt_dmp1(d, p), rsa.rsa_crt_dmq1(d, q), rsa.rsa_crt_iqmp(p, q)
    private = rsa.RSAPrivateNumbers(p, q, d, *parts, public).private_key(unsafe_skip_rsa_key_validation=True)
    with pytest.raises(ValueError, match="512 bits"):
        read_key(pem_of(private), domain="example.com", selector="r1")


@pytest.mark.parametrize(
    ("pem", "words"),
    [
        ("canary", "no private key"),
        ("-----BEGIN PRIVATE KEY-----\nY2FuYXJ5\n-----END PRIVATE KEY-----\n", "no private key"),
        (pem_of(ec.generate_private_key(ec.SECP256R1())), "neither RSA nor Ed25519"),
    ],
)
def test_what_is_no_key_is_refused_without_being_shown(pem: str, words: str) -> None:
    with pytest.raises(ValueError, match=words) as caught:
        read_key(pem, domain="example.com", selector="r1")
    assert "canary" not in str(caught.value)


def test_a_key_with_a_password_is_refused() -> None:
    private = ed25519.Ed25519PrivateKey.generate()
    encrypted = private.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.BestAvailableEncryption(b"x")
    )
    with pytest.raises(ValueError, match="encrypted"):
        read_key(encrypted.decode(), domain="example.com", selector="r1")


def test_a_key_shows_nothing_of_itself() -> None:
    key = rsa_key()
    assert repr(key) == "DkimKey(domain='example.com', selector='r1', algorithm='rsa-sha256', bits=2048)"
