"""Which mechanisms to try with what we have and what the server offers, strongest first (law 11)."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from notifier.model.secret import Secret
from notifier.protocol.sasl.cram_md5 import CramMd5
from notifier.protocol.sasl.mechanism import Mechanism
from notifier.protocol.sasl.oauth import OAuthBearer, XOAuth2
from notifier.protocol.sasl.plain import External, Login, Plain
from notifier.protocol.sasl.scram import ChannelBinding, Scram

STRONGEST_FIRST = (
    "EXTERNAL",
    "OAUTHBEARER",
    "XOAUTH2",
    "SCRAM-SHA-256-PLUS",
    "SCRAM-SHA-1-PLUS",
    "SCRAM-SHA-256",
    "SCRAM-SHA-1",
    "CRAM-MD5",
    "PLAIN",
    "LOGIN",
)
NOT_UNLESS_NAMED = frozenset({"CRAM-MD5"})  # it ties the server to keeping passwords as they are


@dataclass(frozen=True, slots=True)
class Credentials:
    """Who we are to a server.

    ``token`` gives an access token, fresh at each call. ``certificate``: TLS shows a client certificate. ``only``: the
    mechanisms that may be used, upper case, the first the dearest; None: the strongest that is offered.
    """

    username: str = ""
    password: Secret | None = None
    token: Callable[[], Secret] | None = None
    certificate: bool = False
    only: tuple[str, ...] | None = None

    def __post_init__(self) -> None:
        """Raises `ValueError`, without the text, for what would end a line or a field (law 5)."""
        for what, text in (("user name", self.username), ("password", self.password.reveal() if self.password else "")):
            if any(char in text for char in "\0\r\n"):
                raise ValueError(f"the {what} holds CR, LF or NUL")
        for name in self.only or ():
            if name not in STRONGEST_FIRST:
                raise ValueError(f"no SASL mechanism of ours: {name!r}; there are {', '.join(STRONGEST_FIRST)}")


@dataclass(frozen=True, slots=True)
class Place:
    """The connection that the exchange takes place on."""

    host: str
    port: int
    bindings: Sequence[ChannelBinding] = ()


def mechanisms_for(credentials: Credentials, offered: Sequence[str], place: Place) -> Iterator[Mechanism]:
    """The mechanisms that both sides have, in the order to try them; each is made when it is its turn."""
    plus_offered = any(name.endswith("-PLUS") for name in offered)
    allowed = credentials.only or tuple(name for name in STRONGEST_FIRST if name not in NOT_UNLESS_NAMED)
    for name in allowed:
        if name in offered and (made := _made(name, credentials, place, plus_offered=plus_offered)) is not None:
            yield made


def _made(name: str, credentials: Credentials, place: Place, *, plus_offered: bool) -> Mechanism | None:
    match name:
        case "EXTERNAL" if credentials.certificate:
            return External(credentials.username)
        case "OAUTHBEARER" if credentials.token is not None:
            return OAuthBearer(credentials.username, credentials.token(), place.host, place.port)
        case "XOAUTH2" if credentials.token is not None:
            return XOAuth2(credentials.username, credentials.token())
    if credentials.password is None or not credentials.username:
        return None
    return _with_password(name, credentials.username, credentials.password, place, plus_offered=plus_offered)


def _with_password(name: str, username: str, password: Secret, place: Place, *, plus_offered: bool) -> Mechanism | None:
    match name:
        case "CRAM-MD5":
            return CramMd5(username, password)
        case "PLAIN":
            return Plain(username, password)
        case "LOGIN":
            return Login(username, password)
    if not name.startswith("SCRAM-"):
        return None
    hash_name = name.removeprefix("SCRAM-").removesuffix("-PLUS")
    if not name.endswith("-PLUS"):
        return Scram(hash_name, username, password, could_bind=bool(place.bindings) and not plus_offered)
    return Scram(hash_name, username, password, binding=place.bindings[0]) if place.bindings else None
