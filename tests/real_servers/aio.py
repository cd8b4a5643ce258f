"""aiosmtpd: an SMTP server that offers neither PIPELINING nor CHUNKING, in lock step as RFC 821 had it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import trustme
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import AuthResult, Envelope, LoginPassword
from certificates import good

from notifier.smtp import Endpoint, TLSPolicy
from real_servers.ground import HOST, held_ports

MOST = 2_000_000  # octets of a message
USER, PASSWORD = "zoe", "пароль"
DOORS: dict[str, dict[str, object]] = {
    "plain": {},
    "STARTTLS": {"require_starttls": True},
    "implicit": {},
    "login": {"require_starttls": True, "auth_required": True},
}


@dataclass
class Aio:
    """Handles what comes; ``kept`` holds what was accepted."""

    ca_file: Path
    ports: dict[str, int]
    kept: list[Envelope] = field(default_factory=list)

    def door(self, name: str = "plain", **changes: Any) -> Endpoint:
        """The way in."""
        policies = {"implicit": TLSPolicy.IMPLICIT, "STARTTLS": TLSPolicy.REQUIRED, "login": TLSPolicy.REQUIRED}
        policy = policies.get(name, TLSPolicy.NONE)
        return Endpoint(HOST, self.ports[name], tls=policy, ca_file=str(self.ca_file), **changes)

    def take(self) -> list[Envelope]:
        """What was accepted since the last time."""
        taken, self.kept[:] = list(self.kept), []
        return taken

    # what aiosmtpd calls

    async def handle_RCPT(self, server: Any, session: Any, envelope: Envelope, address: str, options: list[str]) -> str:  # noqa: N802
        if address.startswith("nobody"):
            return "550 5.1.1 No such user"
        envelope.rcpt_tos.append(address)
        return "250 2.1.5 OK"

    async def handle_DATA(self, server: Any, session: Any, envelope: Envelope) -> str:  # noqa: N802
        self.kept.append(envelope)
        return f"250 2.0.0 Kept as number {len(self.kept)}"

    def authenticate(self, server: Any, session: Any, envelope: Envelope, mechanism: str, data: Any) -> AuthResult:
        known = isinstance(data, LoginPassword) and (data.login.decode(), data.password.decode()) == (USER, PASSWORD)
        return AuthResult(success=known, handled=known)


@pytest.fixture(scope="session")
def aio(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Aio]:
    """One for all tests, with a door for each way of coming in."""
    authority = trustme.CA()
    ca_file = tmp_path_factory.mktemp("aio") / "ca.pem"
    authority.cert_pem.write_to_path(str(ca_file))
    with ExitStack() as stack:
        made = Aio(ca_file, dict(zip(DOORS, stack.enter_context(held_ports(len(DOORS))), strict=True)))
        for name, options in DOORS.items():
            context = good(authority, HOST)
            encrypted = {"ssl_context": context} if name == "implicit" else {}
            encrypted |= {"tls_context": context} if "require_starttls" in options else {}
            settings = {"enable_SMTPUTF8": True, "data_size_limit": MOST, "authenticator": made.authenticate, **options}
            controller = Controller(made, HOST, made.ports[name], **encrypted, **settings)
            controller.start()
            stack.callback(controller.stop)
        yield made
