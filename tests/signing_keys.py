"""Private keys of tests, as PEM, and dkimpy's opinion of what was signed with them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cache
from typing import Any

import dkim
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ed25519, rsa

from notifier.mime.dkim_key import DkimKey, read_key


def pem_of(private: Any, form: str = "PKCS8") -> str:
    encoding, kind = serialization.Encoding.PEM, getattr(serialization.PrivateFormat, form)
    return str(private.private_bytes(encoding, kind, serialization.NoEncryption()).decode())


@cache
def _rsa(bits: int) -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(65537, bits)


def rsa_pem(bits: int = 2048, form: str = "PKCS8") -> str:
    return pem_of(_rsa(bits), form)


@cache
def ed25519_pem() -> str:
    return pem_of(ed25519.Ed25519PrivateKey.generate())


def rsa_key(domain: str = "example.com", selector: str = "r1", bits: int = 2048) -> DkimKey:
    return read_key(rsa_pem(bits), domain=domain, selector=selector)


def ed25519_key(domain: str = "example.com", selector: str = "e1") -> DkimKey:
    return read_key(ed25519_pem(), domain=domain, selector=selector)


def verified(message: bytes, keys: Sequence[DkimKey]) -> list[bool]:
    """What dkimpy says of each signature, the first first; it finds the keys' records where the DNS would have them."""
    records = {f"{key.record_name}.".encode(): key.record.encode() for key in keys}

    def dns(name: bytes, timeout: int = 5) -> bytes | None:
        return records.get(name)

    count = len([name for name, _ in dkim.rfc822_parse(message)[0] if name.lower() == b"dkim-signature"])
    return [_verifies(message, index, dns) for index in range(count)]


def _verifies(message: bytes, index: int, dns: Callable[..., bytes | None]) -> bool:
    try:
        return bool(dkim.DKIM(message).verify(idx=index, dnsfunc=dns))
    except dkim.DKIMException:
        return False
