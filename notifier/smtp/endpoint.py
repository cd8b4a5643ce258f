"""Where mail goes and how: one relay, with its TLS policy, credentials, timers and caps. All values; no I/O."""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable
from dataclasses import dataclass, field, fields
from enum import StrEnum

from notifier.model.secret import Secret
from notifier.protocol.hello_name import hello_name, is_nobodys
from notifier.protocol.reply import ReplyCaps
from notifier.protocol.sasl.choice import Credentials
from notifier.smtp.hosts import as_target
from notifier.smtp.pinning import canonical_pin
from notifier.smtp.proxy import Proxy
from notifier.smtp.trust import Published, Trust, WebPKI


class Mode(StrEnum):
    """The protocol spoken: SMTP (RFC 5321) or LMTP (RFC 2033)."""

    SMTP = "smtp"
    LMTP = "lmtp"


class TLSPolicy(StrEnum):
    """When the connection is encrypted. Whom it then must lead to, or it is refused, is the endpoint's ``trust``."""

    IMPLICIT = "implicit"  # from the first octet (RFC 8314 section 3)
    REQUIRED = "required"  # STARTTLS or nothing
    OPPORTUNISTIC = "opportunistic"  # STARTTLS where offered; never with credentials
    NONE = "none"


BEHIND_US = 5.0  # seconds


@dataclass(frozen=True, slots=True)
class Timeouts:
    """Seconds for each command, absolute from its first octet. RFC 5321 section 4.5.3.2 and the project's one table."""

    connect: float = 10.0
    greeting: float = 30.0
    ehlo: float = 30.0
    starttls: float = 20.0
    auth: float = 30.0
    mail: float = 60.0
    rcpt: float = 60.0
    data: float = 60.0
    body_block: float = 60.0
    final_reply: float = 600.0  # never shorter in production: a relay may deliver before it answers (RFC 1047)
    rset: float = 5.0
    quit: float = 2.0

    def __post_init__(self) -> None:
        """Raises `ValueError`, naming it, for what is no time: a deadline that is NaN never passes."""
        for timer in fields(self):
            seconds = getattr(self, timer.name)
            if isinstance(seconds, bool) or not isinstance(seconds, int | float) or not 0 <= seconds < math.inf:
                raise ValueError(f"timeouts.{timer.name} is a number of seconds, not {seconds!r}")


@dataclass(frozen=True, slots=True)
class Endpoint:
    """One relay. Equal endpoints share sessions, so everything that makes a session different stands here.

    ``clear_auth``: with `TLSPolicy.NONE`, password and token go in clear text to other hosts too.
    """

    host: str
    port: int
    mode: Mode = Mode.SMTP
    socket_path: str | None = None  # a Unix socket (LMTP) in place of host and port
    tls: TLSPolicy = TLSPolicy.REQUIRED
    trust: Trust = field(default_factory=WebPKI)  # chain and name are verified; from MTA to MTA it may be another
    username: str | None = None
    password: Secret | None = None
    token: Callable[[], Secret] | None = None  # an access token for OAUTHBEARER or XOAUTH2, fresh at each call
    mechanisms: tuple[str, ...] | None = None  # the ones that may be used; None: the strongest that is offered
    ca_file: str | None = None  # PEM; None: the system's trust store
    client_cert: str | None = None  # PEM, with its key beside or in it; for EXTERNAL
    client_key: str | None = None
    pins: tuple[str, ...] = ()  # sha256/…: of the server's key; one must fit, beside the chain and the name
    proxy: Proxy | None = None  # of no meaning for a Unix socket
    ehlo_name: str | None = None  # None: this host's name
    source_address: str | None = None
    timeouts: Timeouts = field(default_factory=Timeouts)
    reply_caps: ReplyCaps = field(default_factory=ReplyCaps)
    user_timeout: float | None = None  # RFC 5482, seconds; None: as long as a block of the message has
    window: int = 1  # mails in flight whose final reply is awaited; more needs CHUNKING and PIPELINING
    clear_auth: bool = False

    def __post_init__(self) -> None:
        """Raises `ValueError`, naming the argument, for what cannot be connected to, said, or logged in with, and for a trust
        that TLS policy or credentials belie.

        Its text holds no secret. Warns of an EHLO name that is nobody's.
        """
        if self.socket_path is None:
            as_target(self.host)
            _check_number("port", self.port, 1, 65535)
        _check_number("window", self.window, 1, 2**16)
        if self.ehlo_name and is_nobodys(hello_name(self.ehlo_name)):
            warnings.warn(f"relays may refuse the EHLO name {self.ehlo_name}, which is nobody's", stacklevel=3)
        if (
            self.credentials is None and self.password is not None
        ):  # a session would open without a login, and not say so
            raise ValueError("a password without a username: there is nobody to log in")
        if self.pins:
            object.__setattr__(self, "pins", tuple(map(canonical_pin, self.pins)))
        if isinstance(self.trust, Published) and self.tls in (TLSPolicy.OPPORTUNISTIC, TLSPolicy.NONE):
            raise ValueError("with published keys TLS is required: whoever strips STARTTLS would be rid of them")
        if not isinstance(self.trust, WebPKI) and self.credentials is not None:
            raise ValueError("credentials go to a server whose chain and name are verified, and to no other")

    @property
    def silence(self) -> float:
        """Seconds that written octets may be on their way: then the system gives the connection up, a closed one too.

        A little longer than we wait ourselves: who takes nothing more is given up by us, and we know which mail that was.
        """
        return self.timeouts.body_block + BEHIND_US if self.user_timeout is None else self.user_timeout

    @property
    def credentials(self) -> Credentials | None:
        """What AUTH is done with; None where there is none. Raises `ValueError` for what AUTH cannot carry."""
        if self.username is None and self.token is None and "EXTERNAL" not in (self.mechanisms or ()):
            return None
        return Credentials(
            self.username or "",
            self.password,
            self.token,
            certificate=self.client_cert is not None,
            only=self.mechanisms,
            clear_auth=self.clear_auth,
        )

    @property
    def server_name(self) -> str:
        """What SNI tells, and what a verified certificate is for."""
        return self.trust.server_name if isinstance(self.trust, Published) else self.host

    @property
    def name(self) -> str:
        """How logs and outcomes call it: never with credentials."""
        return self.socket_path or (f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}")


def _check_number(name: str, value: object, least: int, most: int) -> None:
    if isinstance(value, bool) or not isinstance(value, int) or not least <= value <= most:
        raise ValueError(f"{name} is a whole number from {least} to {most}, not {value!r}")
