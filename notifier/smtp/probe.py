"""What a server says of itself: greeting, extensions, TLS, certificate, mechanisms, limits, and how long each step took.

Nothing is sent that a mail would not send, and no mail is.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from notifier.errors import DeliveryError
from notifier.smtp.endpoint import Endpoint, TLSPolicy
from notifier.smtp.session import Session


@dataclass(frozen=True, slots=True)
class Certificate:
    """``names`` are whom it is for; ``until`` is its last moment, as it says it itself."""

    names: tuple[str, ...]
    issuer: str
    until: str


@dataclass(frozen=True, slots=True)
class Findings:
    """``seconds`` by phase. ``faults``: what went wrong on the way, with the taxonomy's row."""

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
    for attempt in _attempts(endpoint):
        try:
            with Session.open(attempt, transcript=True) as session:
                return _seen(session, tuple(faults))
        except DeliveryError as error:
            faults.append(str(error))
    return Findings(endpoint.name, faults=tuple(faults))


def _attempts(endpoint: Endpoint) -> list[Endpoint]:
    """As it is meant; without a login; and in clear text, where nothing secret is said."""
    anonymous = replace(endpoint, username=None, password=None, token=None, mechanisms=None)
    attempts = [endpoint] if endpoint == anonymous else [endpoint, anonymous]
    if endpoint.tls in (TLSPolicy.REQUIRED, TLSPolicy.OPPORTUNISTIC):
        attempts.append(replace(anonymous, tls=TLSPolicy.NONE))
    return attempts


def _seen(session: Session, faults: tuple[str, ...]) -> Findings:
    server = session.server
    greeting = next((line[3:] for line in session.transcript if line.startswith("S: 220")), "")
    return Findings(
        session.endpoint.name,
        greeting=greeting,
        extensions=dict(server.keywords),
        tls=session.tls,
        certificate=_certificate(session.certificate),
        mechanisms=server.auth_mechanisms,
        size_limit=server.size_limit,
        mail_max=server.mail_max,
        rcpt_max=server.rcpt_max,
        seconds=dict(session.opening_seconds),
        faults=faults,
    )


def _certificate(found: Mapping[str, object] | None) -> Certificate | None:
    if not found:
        return None
    names = tuple(str(name) for _, name in found.get("subjectAltName", ()))  # type: ignore[attr-defined]  # getpeercert's shape
    issuer = ", ".join(str(value) for part in found.get("issuer", ()) for _, value in part)  # type: ignore[attr-defined]
    return Certificate(names, issuer, str(found.get("notAfter", "")))
