"""`DkimKey`: a private key that signs for a domain, RSA (RFC 8301) or Ed25519 (RFC 8463). Needs the extra ``dkim``."""

from __future__ import annotations

import base64
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

RSA, ED25519 = "rsa-sha256", "ed25519-sha256"
SHORTEST = 1024  # bits, RFC 8301 section 3.2: what is shorter is not verified
SHORT = 2048  # bits, the same section: what is shorter should not be used


@dataclass(frozen=True, slots=True)
class DkimKey:
    """``domain`` in A-labels, small letters. ``sign`` takes the SHA-256 of what is signed."""

    domain: str
    selector: str
    algorithm: str
    sign: Callable[[bytes], bytes] = field(repr=False, compare=False)
    public: bytes = field(repr=False)  # as p= of the DNS record has it, before base64
    bits: int = 0  # of an RSA key

    @property
    def record_name(self) -> str:
        """Where the public key is looked for in the DNS (RFC 6376 section 3.6.2.1)."""
        return f"{self.selector}._domainkey.{self.domain}"

    @property
    def record(self) -> str:
        """The TXT record that belongs there (section 3.6.1)."""
        kind = self.algorithm.partition("-")[0]
        return f"v=DKIM1; k={kind}; p={base64.b64encode(self.public).decode()}"

    def is_published_in(self, record: str) -> bool:
        """True where a TXT record of that name holds this public key."""
        tags = dict(tag.partition("=")[::2] for tag in "".join(record.split()).split(";"))
        return tags.get("p") == base64.b64encode(self.public).decode()

    @property
    def is_short(self) -> bool:
        """True where receivers may soon refuse it."""
        return self.algorithm == RSA and self.bits < SHORT


def read_key(pem: str, *, domain: str, selector: str) -> DkimKey:
    """The key in a PEM, PKCS#8 or PKCS#1. Raises `ValueError` with a sentence that holds nothing of it, and `ImportError`
    without the extra.
    """
    from cryptography.exceptions import UnsupportedAlgorithm  # noqa: PLC0415 - an extra
    from cryptography.hazmat.primitives.serialization import load_pem_private_key  # noqa: PLC0415

    try:
        private: Any = load_pem_private_key(pem.encode(), None)
    except TypeError:
        raise ValueError("is encrypted with a password; a key of its own file and user is not") from None
    except (ValueError, UnsupportedAlgorithm):
        raise ValueError("holds no private key as PEM (PKCS#8 or PKCS#1)") from None
    return _rsa(private, domain, selector) or _ed25519(private, domain, selector) or _neither()


def _rsa(private: Any, domain: str, selector: str) -> DkimKey | None:
    from cryptography.hazmat.primitives import hashes, serialization  # noqa: PLC0415 - an extra
    from cryptography.hazmat.primitives.asymmetric import padding, rsa, utils  # noqa: PLC0415

    if not isinstance(private, rsa.RSAPrivateKey):
        return None
    if private.key_size < SHORTEST:
        raise ValueError(
            f"holds an RSA key of {private.key_size} bits: receivers take none below {SHORTEST}, make one of {SHORT}"
        )

    def sign(digest: bytes) -> bytes:
        return private.sign(digest, padding.PKCS1v15(), utils.Prehashed(hashes.SHA256()))

    public = private.public_key().public_bytes(
        serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    return DkimKey(domain, selector, RSA, sign, public, private.key_size)


def _ed25519(private: Any, domain: str, selector: str) -> DkimKey | None:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey  # noqa: PLC0415 - an extra

    if not isinstance(private, Ed25519PrivateKey):
        return None
    # The digest itself is the message (RFC 8463 section 3), and the bare 32 octets are the public key (section 4).
    return DkimKey(domain, selector, ED25519, private.sign, private.public_key().public_bytes_raw())


def _neither() -> DkimKey:
    raise ValueError("holds a key that is neither RSA nor Ed25519")
