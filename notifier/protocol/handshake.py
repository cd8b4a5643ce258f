"""From the server's greeting to a session that may send mail: EHLO, STARTTLS, EHLO again, AUTH."""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import dataclass

from notifier.errors import Phase, fault_error
from notifier.model.secret import Secret
from notifier.protocol import taxonomy
from notifier.protocol.commands import Auth, AuthLogin, Cancel, Hello, StartTLS
from notifier.protocol.dialogue import Await, Loss, Lost, Send, Step, UpgradeToTLS
from notifier.protocol.extensions import Extensions
from notifier.protocol.reply import Reply

Dialogue = Generator[Step, Reply, "Extensions"]
Exchange = Generator[Step, Reply, Reply]


@dataclass(frozen=True, slots=True)
class Wish:
    """What the endpoint asks of the handshake. ``clear_auth``: the way is loopback, so a password may go in clear."""

    host: str
    ehlo_name: str
    lmtp: bool = False
    encrypted: bool = False  # TLS from the first octet
    starttls_required: bool = True
    starttls_welcome: bool = True
    username: str | None = None
    password: Secret | None = None
    clear_auth: bool = False


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
    if wish.username is not None:
        yield from _authenticate(wish, offered, encrypted=encrypted)
    return offered


def _asked(wish: Wish, phase: Phase) -> Exchange:
    """The next reply; a connection that fails instead is raised as the fault of its phase."""
    try:
        return (yield Await(phase))
    except Lost as lost:
        raise fault_error(taxonomy.of_loss(phase, lost.loss, lost.text, host=wish.host)) from lost


def _greeting(wish: Wish) -> Exchange:
    reply = yield from _asked(wish, Phase.GREETING)
    if reply.code != 220:
        raise fault_error(taxonomy.of_reply(Phase.GREETING, reply, host=wish.host))
    return reply


def _hello(wish: Wish) -> Dialogue:
    yield Send((Hello(wish.ehlo_name, "LHLO" if wish.lmtp else "EHLO"),))
    reply = yield from _asked(wish, Phase.EHLO)
    if reply.code == 250:
        return Extensions.parse(reply)
    plain_will_do = not wish.starttls_required and wish.username is None and not wish.lmtp
    if reply.code in (500, 502) and plain_will_do:  # E1: a server of before 1995
        yield Send((Hello(wish.ehlo_name, "HELO"),))
        reply = yield from _asked(wish, Phase.EHLO)
        if reply.code == 250:
            return Extensions(reply.text)
    raise fault_error(taxonomy.of_reply(Phase.EHLO, reply, host=wish.host))


def _starttls(wish: Wish) -> Dialogue:
    yield Send((StartTLS(),))
    reply = yield from _asked(wish, Phase.STARTTLS)
    if reply.code != 220:
        raise fault_error(taxonomy.of_reply(Phase.STARTTLS, reply, host=wish.host))
    try:
        yield UpgradeToTLS()
    except Lost as lost:
        row = "S2" if lost.loss is Loss.VIOLATION else "S5"
        raise fault_error(taxonomy.fault(row, Phase.STARTTLS, lost.text, host=wish.host)) from lost
    # What was said before TLS is forgotten (RFC 3207 section 4.2); only this EHLO counts.
    return (yield from _hello(wish))


def _authenticate(wish: Wish, offered: Extensions, *, encrypted: bool) -> Generator[Step, Reply, None]:
    username, password = wish.username or "", wish.password or Secret("")
    if not (encrypted or wish.clear_auth):
        words = "a password does not go over an unencrypted connection"
        raise fault_error(taxonomy.fault("A3", Phase.AUTH, words, host=wish.host))
    mechanisms = [name for name in ("PLAIN", "LOGIN") if name in offered.auth_mechanisms]
    if not mechanisms:
        words = f"none of our mechanisms (PLAIN, LOGIN) is offered: {' '.join(offered.auth_mechanisms) or 'no AUTH'}"
        raise fault_error(taxonomy.fault("E4", Phase.AUTH, words, host=wish.host))
    for mechanism in mechanisms:
        exchange = _plain if mechanism == "PLAIN" else _login
        reply = yield from exchange(wish, username, password)
        if reply.code == 235:
            return
        if reply.code not in (504, 534):  # the mechanism may be refused; after 535 nothing else is tried (law 11)
            break
    raise fault_error(taxonomy.of_reply(Phase.AUTH, reply, host=wish.host))


def _plain(wish: Wish, username: str, password: Secret) -> Exchange:
    """RFC 4616."""
    yield Send((Auth(Secret(f"\0{username}\0{password.reveal()}"), "PLAIN"),))
    return (yield from _without_challenge(wish))


def _login(wish: Wish, username: str, password: Secret) -> Exchange:
    """The old two questions; what they ask is not looked at."""
    yield Send((AuthLogin(),))
    for answer in (Secret(username), password):
        reply = yield from _asked(wish, Phase.AUTH)
        if reply.code != 334:
            return reply
        yield Send((Auth(answer),))
    return (yield from _without_challenge(wish))


def _without_challenge(wish: Wish) -> Exchange:
    reply = yield from _asked(wish, Phase.AUTH)
    if reply.code == 334:  # a question that the mechanism does not have: end the exchange (A6)
        yield Send((Cancel(),))
        return (yield from _asked(wish, Phase.AUTH))
    return reply
