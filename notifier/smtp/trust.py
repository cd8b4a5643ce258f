"""Whom an encrypted connection must lead to: one of three values on an endpoint. No I/O.

Relays of the settings are `WebPKI`, always. The others are for the way from MTA to MTA, where the recipient's side says
what can be verified: only `notifier.smtp.mx` makes them.
"""

from __future__ import annotations

from dataclasses import dataclass
from hashlib import sha256
from typing import ClassVar

from notifier.smtp.tlsa import TLSA


@dataclass(frozen=True, slots=True)
class WebPKI:
    """To the host by its name: the chain leads to an authority of the endpoint's CA file, or of the system's store."""

    label: ClassVar[str] = ""
    authenticates: ClassVar[bool] = True


@dataclass(frozen=True, slots=True)
class Unauthenticated:
    """To whoever answers: encrypted against those who listen only (opportunistic security, RFC 7435)."""

    label: ClassVar[str] = "unauthenticated"
    authenticates: ClassVar[bool] = False


@dataclass(frozen=True, slots=True)
class Published:
    """To whom one of these TLSA records fits: DANE for SMTP (RFC 7672). All of them are usable.

    ``server_name``: the TLSA base domain, which SNI tells (section 8.1). ``names``: for which a certificate may be
    beside that, where an authority is published (section 3.2.2). ``authenticates``: False where the MX records are
    not signed: the host is surely the one that was looked for, but somebody else may have named it.
    """

    records: tuple[TLSA, ...]
    server_name: str
    names: tuple[str, ...] = ()
    authenticates: bool = True

    @property
    def label(self) -> str:
        """The same in every process, and another one for other records."""
        told = " ".join([self.server_name, *self.names, str(self.authenticates), *map(str, self.records)])
        return f"dane {sha256(told.encode()).hexdigest()[:8]}"


Trust = WebPKI | Unauthenticated | Published
