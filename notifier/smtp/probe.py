"""What a server says of itself: greeting, extensions, TLS, certificate, mechanisms, limits, and how long each step took.

Nothing is sent that a mail would not send, and no mail is.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from notifier.errors import DeliveryError, Fault, Phase
from notifier.protocol.taxonomy import clean
from notifier.smtp.endpoint import Endpoint, TLSPolicy
from notifier.smtp.session import Session
from notifier.smtp.unverified import shown_certificate


@dataclass(frozen=True, slots=True)
class Certificate:
    """``names`` are whom it is for; ``until`` is its last moment, as it says it itself."""

    names: tuple[str, ...]
    issuer: str
    until: str


@dataclass(frozen=True, slots=True)
class Findings:
    """``seconds`` by phase. ``faults``: what went wrong on the way, with the taxonomy's row.

    The server's words hold no control character; for the markup of a terminal's library they may be anything.
    """

    server: str
    greeting: str = ""
    extensions: Mapping[str, str] = field(default_factory=dict)
    tls: str | None = None
    certificate: Certificate | None = None
    mechanisms: tuple[str, ...] = ()
    size_limit: int | None = None
    mail_max: int | None = None
    rcpt_max: int | None = None
    seconds: Mapping[str, float] = field(default_factory=dict)
    faults: tuple[str, ...] = ()


def probe(endpoint: Endpoint) -> Findings:
    """Open a session, look, and say QUIT. Where TLS or the login fails, the rest is looked at without it."""
    faults: list[str] = []
    certificate: Certificate | None = None
    attempt: Endpoint | None = endpoint
    while attempt is not None:
        try:
            with Session.open(attempt, transcript=True) as session:
                return _seen(session, certificate, faults)
        except DeliveryError as error:
            faults.append(str(error))
            if error.taxonomy_id == "L2":
                certificate = _certificate(shown_certificate(attempt))
            attempt = _without_what_failed(attempt, error.fault)
    return Findings(endpoint.name, certificate=certificate, faults=tuple(faults))


def _without_what_failed(attempt: Endpoint, fault: Fault) -> Endpoint | None:
    """Without a login, and in clear text, where nothing secret is said; None where that would fail just the same."""
    anonymous = replace(attempt, username=None, password=None, token=None, mechanisms=None)
    if fault.phase is Phase.AUTH:
        return anonymous
    about_tls = fault.phase is Phase.STARTTLS or fault.taxonomy_id == "E1"  # a server without EHLO has no STARTTLS
    if about_tls and attempt.tls in (TLSPolicy.REQUIRED, TLSPolicy.OPPORTUNISTIC):
        return replace(anonymous, tls=TLSPolicy.NONE)
    return None


def _seen(session: Session, certificate: Certificate | None, faults: Sequence[str]) -> Findings:
    server = session.server
    greeting = next((line[3:] for line in session.transcript if line.startswith("S: 220")), "")
    return Findings(
        session.endpoint.name,
        greeting=greeting,
        extensions={keyword: clean(parameters) for keyword, parameters in server.keywords.items()},
        tls=session.tls,
        certificate=_certificate(session.certificate) or certificate,
        mechanisms=tuple(map(clean, server.auth_mechanisms)),
        size_limit=server.size_limit,
        mail_max=server.mail_max,
        rcpt_max=server.rcpt_max,
        seconds=dict(session.opening_seconds),
        faults=tuple(faults),
    )


def _certificate(found: Mapping[str, Any] | None) -> Certificate | None:
    if not found:
        return None
    names = tuple(clean(name) for _, name in found.get("subjectAltName", ()))
    issuer = ", ".join(clean(value) for part in found.get("issuer", ()) for _, value in part)
    return Certificate(names, issuer, str(found.get("notAfter", "")))
