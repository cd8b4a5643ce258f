"""Which mechanisms to try with what we have and what the server offers, strongest first (law 11)."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from notifier.model.secret import Secret
from notifier.protocol.sasl.cram_md5 import CramMd5
from notifier.protocol.sasl.mechanism import Mechanism, NoToken
from notifier.protocol.sasl.oauth import OAuthBearer, XOAuth2
from notifier.protocol.sasl.plain import External, Login, Plain
from notifier.protocol.sasl.saslprep import Unprepared
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
# Law 5. In XOAUTH2 \x01 ends a field, and what follows would be another; of a lone surrogate there are no octets.
_NO_NAME = re.compile(r"[\x00-\x1f\x7f-\x9f\ud800-\udfff]")
_NO_PASSWORD = re.compile(r"[\0\r\n\ud800-\udfff]")  # other controls are odd, and PLAIN and LOGIN carry them
_TOKEN = re.compile(r"[!-~]+\Z")  # RFC 6750 section 2.1 allows fewer characters still


@dataclass(frozen=True, slots=True)
class Credentials:
    """Who we are to a server.

    ``token`` gives an access token, fresh at each call. ``certificate``: TLS shows a client certificate. ``only``: the
    mechanisms that may be used, upper case, the first the dearest; None: the strongest that is offered. ``clear_auth``:
    password and token may be shown on a connection that is not encrypted, to whoever reads along.
    """

    username: str = ""
    password: Secret | None = None
    token: Callable[[], Secret] | None = None
    certificate: bool = False
    only: tuple[str, ...] | None = None
    clear_auth: bool = False

    def __post_init__(self) -> None:
        """Raises `ValueError`, without the text, for what would end a line or a field (law 5)."""
        if _NO_NAME.search(self.username):
            raise ValueError("the user name holds a control character, or what is no character")
        if self.password is not None and _NO_PASSWORD.search(self.password.reveal()):
            raise ValueError("the password holds CR, LF or NUL, or what is no character")
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
    """The mechanisms that both sides have, in the order to try them; each is made when it is its turn.

    Raises `ValueError`, without the text, where none of them can carry what we have; `NoToken`.
    """
    plus_offered = any(name.endswith("-PLUS") for name in offered)
    allowed = credentials.only or tuple(name for name in STRONGEST_FIRST if name not in NOT_UNLESS_NAMED)
    unprepared: Unprepared | None = None
    made = 0
    for name in (name for name in allowed if name in offered):
        try:
            mechanism = _made(name, credentials, place, plus_offered=plus_offered)
        except Unprepared as error:
            unprepared = error
            continue
        if mechanism is not None:
            made += 1
            yield mechanism
    if unprepared is not None and not made:
        raise unprepared


def _made(name: str, credentials: Credentials, place: Place, *, plus_offered: bool) -> Mechanism | None:
    match name:
        case "EXTERNAL" if credentials.certificate:
            return External(credentials.username)
        case "OAUTHBEARER" if credentials.token is not None:
            return OAuthBearer(credentials.username, _fresh(credentials.token), place.host, place.port)
        case "XOAUTH2" if credentials.token is not None:
            return XOAuth2(credentials.username, _fresh(credentials.token))
    if credentials.password is None or not credentials.username:
        return None
    return _with_password(name, credentials.username, credentials.password, place, plus_offered=plus_offered)


def _fresh(token: Callable[[], Secret]) -> Secret:
    try:
        given = token()
    except Exception as error:  # noqa: BLE001 - whatever the caller's code raises
        raise NoToken(f"the access token could not be had: {type(error).__name__}") from None
    if not isinstance(given, Secret) or not _TOKEN.match(given.reveal()):
        raise ValueError("what the token callable gave is no access token: a Secret of printable ASCII without blanks")
    return given


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
