"""AUTH (RFC 4954): one mechanism after another until one is accepted; after a 535 nothing else is tried (law 11)."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Generator, Iterator, Sequence
from dataclasses import dataclass, field

from notifier.errors import DeliveryError, Fault, Phase, fault_error
from notifier.model.secret import Secret
from notifier.protocol import taxonomy
from notifier.protocol.commands import Auth, AuthAnswer, Cancel, Command
from notifier.protocol.dialogue import Await, Lost, Send, Step
from notifier.protocol.extensions import Extensions
from notifier.protocol.mask import Mask
from notifier.protocol.reply import Reply
from notifier.protocol.sasl.choice import Credentials, Place, mechanisms_for
from notifier.protocol.sasl.mechanism import BindingRefused, Mechanism, MechanismFailed, NoToken

MAX_LINE = 512  # octets of the AUTH command with CRLF; a longer initial response waits for its 334 (RFC 4954 section 4)
MAX_CHALLENGES = 4  # the longest exchange of ours has two (A6)
_ANOTHER_MAY_DO = frozenset({504, 534})

Exchange = Generator[Step, Reply, Reply]


@dataclass(frozen=True, slots=True)
class Login:
    """Who logs in where. ``safe``: nobody reads along, so that a password or token may be shown to the server."""

    host: str  # as faults name it
    place: Place
    credentials: Credentials
    safe: bool = False
    mask: Mask = field(default_factory=Mask, init=False, compare=False)  # over what the server answers

    def fault(self, row: str, words: str) -> Fault:
        """A fault of this login in words of ours, or of the server's in which nothing of ours is repeated."""
        return taxonomy.fault(row, Phase.AUTH, self.mask.over_text(words), host=self.host)


def authenticate(login: Login, offered: Extensions) -> Generator[Step, Reply, None]:
    """Log in. Raises the `DeliveryError` leaf of what went wrong; its words hold no secret."""
    unsafe: list[str] = []
    refusal: Reply | None = None
    for mechanism in _mechanisms(login, offered):
        if mechanism.in_clear and not (login.safe or login.credentials.clear_auth):
            unsafe.append(mechanism.name)
            continue
        try:
            refusal = yield from _once_more_with_a_fresh_token(login, mechanism, offered)
        except BindingRefused:
            continue
        if refusal.code == 235:
            return
        if refusal.code not in _ANOTHER_MAY_DO:
            break
    if refusal is not None:
        raise fault_error(taxonomy.of_reply(Phase.AUTH, refusal, host=login.host))
    raise fault_error(_nothing_fits(login, offered, unsafe))


def _mechanisms(login: Login, offered: Extensions) -> Iterator[Mechanism]:
    try:
        yield from mechanisms_for(login.credentials, offered.auth_mechanisms, login.place)
    except ValueError as error:  # what a mechanism cannot carry
        raise fault_error(login.fault("A3", str(error))) from None
    except NoToken as error:
        raise fault_error(login.fault("A2", str(error))) from None


def _nothing_fits(login: Login, offered: Extensions, unsafe: Sequence[str]) -> Fault:
    if unsafe:
        words = f"a password does not go over an unencrypted connection, and {', '.join(unsafe)} would show it"
        return login.fault("A3", words)
    theirs = " ".join(offered.auth_mechanisms) or "no AUTH"
    words = f"no mechanism fits what we have ({', '.join(login.credentials.only or ()) or 'any'}): offered is {theirs}"
    return login.fault("E4", words)


def _once_more_with_a_fresh_token(login: Login, mechanism: Mechanism, offered: Extensions) -> Exchange:
    """A token may just have expired: another one is tried once, and only where it is another (A7)."""
    reply = yield from _exchange(login, mechanism)
    if reply.code != 535 or login.credentials.token is None:
        return reply
    for fresh in _mechanisms(login, offered):
        if fresh.name == mechanism.name and fresh.initial() != mechanism.initial():
            return (yield from _exchange(login, fresh))
    return reply


def _exchange(login: Login, mechanism: Mechanism) -> Exchange:
    first, late = _opening(mechanism)
    reply = yield from _said(login, first)
    for _ in range(MAX_CHALLENGES):
        if reply.code != 334:
            return _checked(login, mechanism, reply)
        try:
            answer = late if late is not None else mechanism.answer(_challenge(reply))
        except MechanismFailed as failure:
            yield from _said(login, Cancel())
            if isinstance(failure, BindingRefused):
                raise
            raise _failed(login, failure) from None
        late = None
        reply = yield from _said(login, AuthAnswer(answer))
    if reply.code != 334:
        return _checked(login, mechanism, reply)
    yield from _said(login, Cancel())
    raise fault_error(login.fault("A6", "the server asks without end"))


def _opening(mechanism: Mechanism) -> tuple[Command, Secret | None]:
    """The AUTH line, and the initial response where the line has no room for it."""
    initial = mechanism.initial()
    whole = Auth(mechanism.name, initial)
    if initial is None or len(whole.encode()) <= MAX_LINE:
        return whole, None
    return Auth(mechanism.name), initial


def _checked(login: Login, mechanism: Mechanism, reply: Reply) -> Reply:
    if reply.code == 235:
        try:
            mechanism.succeeded()
        except MechanismFailed as failure:
            raise _failed(login, failure) from None
    return reply


def _failed(login: Login, failure: MechanismFailed) -> DeliveryError:
    return fault_error(login.fault("A6", str(failure)))


def _challenge(reply: Reply) -> bytes:
    try:
        return base64.b64decode(reply.lines[0], validate=True)
    except (binascii.Error, ValueError):
        raise MechanismFailed("the server's challenge is no base64") from None


def _said(login: Login, command: Command) -> Exchange:
    login.mask.learn(command)
    try:
        yield Send((command,))
        reply = yield Await(Phase.AUTH)
    except Lost as lost:
        raise fault_error(taxonomy.of_loss(Phase.AUTH, lost.loss, lost.text, host=login.host)) from lost
    return reply if reply.code == 334 else login.mask.over(reply)
