"""TLSA records (RFC 6698): what a host publishes about its certificate, and whether one fits. Pure.

For SMTP the usages 2 (DANE-TA) and 3 (DANE-EE) alone have a meaning (RFC 7672 section 3.1).
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field

from notifier.smtp.der import SEQUENCE, element
from notifier.smtp.pinning import public_key

AUTHORITY, SERVER = 2, 3  # usages: whose certificate the record is about
_CERTIFICATE, _PUBLIC_KEY = 0, 1  # selectors
_EXACT, _SHA256, _SHA512 = 0, 1, 2  # matching types
_DIGESTS: Mapping[int, Callable[[bytes], bytes]] = {
    _SHA256: lambda octets: hashlib.sha256(octets).digest(),
    _SHA512: lambda octets: hashlib.sha512(octets).digest(),
}
_LENGTHS = {_SHA256: 32, _SHA512: 64}


@dataclass(frozen=True, slots=True, order=True)
class TLSA:
    """One record. ``data`` is a certificate, a public key (both DER), or a digest of one."""

    usage: int
    selector: int
    matching: int
    data: bytes = field(repr=False)

    @property
    def usable(self) -> bool:
        """False for what we cannot compare with, or what SMTP has no meaning for (RFC 7671 section 10.1)."""
        if self.usage not in (AUTHORITY, SERVER) or self.selector not in (_CERTIFICATE, _PUBLIC_KEY):
            return False
        if self.matching in _LENGTHS:
            return len(self.data) == _LENGTHS[self.matching]
        return self.matching == _EXACT and _is_whole_sequence(self.data)

    def fits(self, certificate: bytes) -> bool:
        """True where the record is about this certificate (DER). A record that is not usable fits none."""
        if not self.usable:
            return False
        try:
            selected = certificate if self.selector == _CERTIFICATE else public_key(certificate)
        except (IndexError, ValueError):
            return False
        digest = _DIGESTS.get(self.matching)
        return self.data == (selected if digest is None else digest(selected))

    def __str__(self) -> str:
        return f"{self.usage} {self.selector} {self.matching} {self.data.hex()}"


def strongest(records: Iterable[TLSA]) -> tuple[TLSA, ...]:
    """The usable ones, each once and in order; of several digests of one kind the strongest alone.

    A host that publishes both must not be held to the weaker one (RFC 7671 section 9).
    """
    usable = sorted({record for record in records if record.usable})
    best = {(record.usage, record.selector): record.matching for record in usable}  # sorted: the last is the highest
    return tuple(record for record in usable if record.matching in (_EXACT, best[record.usage, record.selector]))


def _is_whole_sequence(octets: bytes) -> bool:
    try:
        return element(octets, 0, SEQUENCE).end == len(octets)
    except (IndexError, ValueError):
        return False
