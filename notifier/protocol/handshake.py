"""From the server's greeting to a session that may send mail: EHLO, STARTTLS, EHLO again, AUTH."""

from __future__ import annotations

from collections.abc import Callable, Generator, Sequence
from typing import NamedTuple

from notifier.errors import Phase, fault_error
from notifier.protocol import taxonomy
from notifier.protocol.authentication import Login, authenticate
from notifier.protocol.commands import Command, Hello, StartTLS
from notifier.protocol.dialogue import Await, Loss, Lost, Send, Step, UpgradeToTLS
from notifier.protocol.extensions import Extensions
from notifier.protocol.reply import Reply
from notifier.protocol.sasl.choice import Credentials, Place
from notifier.protocol.sasl.scram import ChannelBinding

Dialogue = Generator[Step, Reply, "Extensions"]
_AWAIT = {phase: Await(phase) for phase in (Phase.GREETING, Phase.EHLO, Phase.STARTTLS)}
Exchange = Generator[Step, Reply, Reply]


class Wish(NamedTuple):  # one for each connection: a frozen dataclass sets its fields one by one
    """What the endpoint asks of the handshake. ``clear_auth``: the way is loopback, so a password may go in clear."""

    host: str
    ehlo_name: str
    lmtp: bool = False
    encrypted: bool = False  # TLS from the first octet
    starttls_required: bool = True
    starttls_welcome: bool = True
    credentials: Credentials | None = None
    clear_auth: bool = False
    server: str = ""  # the host's bare name, and its port, as tokens name them
    port: int = 0
    bindings: Callable[[], Sequence[ChannelBinding]] = tuple  # asked for after TLS


def handshake(wish: Wish) -> Dialogue:
    """Lead a new connection to where MAIL may be said; returns what the server offers there.

    Raises the `DeliveryError` leaf of whatever went wrong; the connection is of no use then.
    """
    yield from _greeting(wish)
    offered = yield from _hello(wish)
    encrypted = wish.encrypted
    if not encrypted and wish.starttls_welcome:
        if "STARTTLS" in offered:
            offered = yield from _starttls(wish)
            encrypted = True
        elif wish.starttls_required:
            words = "the server offers no STARTTLS, and nothing is sent in clear (RFC 3207 section 6)"
            raise fault_error(taxonomy.fault("S1", Phase.STARTTLS, words, host=wish.host))
    if wish.credentials is not None:
        place = Place(wish.server or wish.host, wish.port, tuple(wish.bindings()))
        login = Login(wish.host, place, wish.credentials, safe=encrypted or wish.clear_auth)
        yield from authenticate(login, offered)
    return offered


def _asked(wish: Wish, phase: Phase, *commands: Command) -> Exchange:
    """The reply to ``commands``; a connection that fails instead is raised as the fault of its phase."""
    try:
        if commands:
            yield Send(commands)
        return (yield _AWAIT[phase])
    except Lost as lost:
        raise fault_error(taxonomy.of_loss(phase, lost.loss, lost.text, host=wish.host)) from lost


def _greeting(wish: Wish) -> Exchange:
    reply = yield from _asked(wish, Phase.GREETING)
    if reply.code != 220:
        raise fault_error(taxonomy.of_reply(Phase.GREETING, reply, host=wish.host))
    return reply


def _hello(wish: Wish) -> Dialogue:
    reply = yield from _asked(wish, Phase.EHLO, Hello(wish.ehlo_name, "LHLO" if wish.lmtp else "EHLO"))
    if reply.code == 250:
        return Extensions.parse(reply)
    plain_will_do = not wish.starttls_required and wish.credentials is None and not wish.lmtp
    if reply.code in (500, 502) and plain_will_do:  # E1: a server of before 1995
        reply = yield from _asked(wish, Phase.EHLO, Hello(wish.ehlo_name, "HELO"))
        if reply.code == 250:
            return Extensions(reply.text)
    raise fault_error(taxonomy.of_reply(Phase.EHLO, reply, host=wish.host))


def _starttls(wish: Wish) -> Dialogue:
    reply = yield from _asked(wish, Phase.STARTTLS, StartTLS())
    if reply.code != 220:
        raise fault_error(taxonomy.of_reply(Phase.STARTTLS, reply, host=wish.host))
    try:
        yield UpgradeToTLS()
    except Lost as lost:
        row = "S2" if lost.loss is Loss.VIOLATION else "S5"
        raise fault_error(taxonomy.fault(row, Phase.STARTTLS, lost.text, host=wish.host)) from lost
    # What was said before TLS is forgotten (RFC 3207 section 4.2); only this EHLO counts.
    return (yield from _hello(wish))
