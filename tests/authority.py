"""Certificates of a test's own: authorities, servers under them, chains that show their root; and their TLSA records."""

from __future__ import annotations

import hashlib
import ssl
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import trustme
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat


@dataclass(frozen=True)
class Certificate:
    """What `CatchingServer` and `HostileServer` take for their throw-away one."""

    context: ssl.SSLContext
    ca_file: Path
    der: bytes

    def close(self) -> None:
        """Nothing: the files are the authority's."""


class Authority:
    """An authority in ``folder``; ``issue`` makes certificates under it, or under an intermediate one."""

    def __init__(self, folder: Path, name: str = "root") -> None:
        self._ca = trustme.CA()
        self._folder = folder
        self._name = name
        self._count = 0
        self.ca_file = folder / f"{name}.pem"
        self._ca.cert_pem.write_to_path(str(self.ca_file))

    @property
    def der(self) -> bytes:
        """Its own certificate."""
        return _der(self._ca.cert_pem.bytes())

    def issue(
        self,
        *names: str,
        common_name: str | None = None,
        expired: bool = False,
        shows_root: bool = False,
        below: bool = False,
    ) -> Certificate:
        """For a server of these names. ``below``: by an intermediate authority; ``shows_root``: in the chain."""
        issuer = self._ca.create_child_ca() if below else self._ca
        ends = datetime.now(UTC) - timedelta(days=1) if expired else None
        leaf = issuer.issue_cert(*names, common_name=common_name, not_after=ends)
        self._count += 1
        path = self._folder / f"{self._name}-{self._count}.pem"
        chain = [blob.bytes() for blob in leaf.cert_chain_pems] + ([self._ca.cert_pem.bytes()] if shows_root else [])
        path.write_bytes(leaf.private_key_pem.bytes() + b"".join(chain))
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        context.load_cert_chain(path)
        return Certificate(context, self.ca_file, _der(chain[0]))


def tlsa(usage: int, selector: int, matching: int, der: bytes) -> str:
    """The record about a certificate, as zones have it."""
    octets = der if selector == 0 else public_key(der)
    digest = {0: lambda data: data.hex(), 1: _hex("sha256"), 2: _hex("sha512")}[matching]
    return f"{usage} {selector} {matching} {digest(octets)}"


def public_key(der: bytes) -> bytes:
    """SubjectPublicKeyInfo, as another implementation has it."""
    key = x509.load_der_x509_certificate(der).public_key()
    return key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)


def _hex(name: str):
    return lambda data: hashlib.new(name, data).hexdigest()


def _der(pem: bytes) -> bytes:
    return x509.load_pem_x509_certificate(pem).public_bytes(Encoding.DER)
