"""The parts that every way of sending has in common: who gets which reply."""

from __future__ import annotations

from collections.abc import Generator

from notifier.errors import Phase
from notifier.protocol.commands import Data, Mail, Rset, Terminator
from notifier.protocol.dialogue import Await, Commit, Lost, Send, SendBody, Step
from notifier.protocol.reply import Reply
from notifier.protocol.transaction import Delivery, Transaction

Steps = Generator["Step | Delivery", Reply, None]
Answer = Generator["Step | Delivery", Reply, bool]

# Steps and commands are values: those that are said all day long are made once.
AWAIT_RSET, AWAIT_MAIL, AWAIT_RCPT = Await(Phase.RSET), Await(Phase.MAIL), Await(Phase.RCPT)
AWAIT_DATA, AWAIT_BODY, AWAIT_FINAL = Await(Phase.DATA), Await(Phase.BODY), Await(Phase.FINAL_REPLY)
DATA, DOT = Data(), Terminator(replies=0)  # the dot's replies are owed since the body began


def read_envelope(one: Transaction) -> Steps:
    """The replies to RSET where it was sent, to MAIL and to each RCPT, in their order."""
    link = one.link
    if one.resets:
        one.phase = Phase.RSET
        one.reset_answered((yield AWAIT_RSET))
    if link.doubt is None:
        one.phase = Phase.MAIL
        one.mail_answered((yield AWAIT_MAIL))
    one.phase = Phase.RCPT
    for path in one.paths:
        if link.doubt is not None:
            return
        one.rcpt_answered(path, (yield AWAIT_RCPT))


def envelope_in_lock_step(one: Transaction) -> Answer:
    """Each command by itself; true where somebody was accepted."""
    paths = iter(one.paths)
    for command in one.envelope():
        yield Send((command,))
        if isinstance(command, Rset):
            one.phase = Phase.RSET
            one.reset_answered((yield AWAIT_RSET))
        elif isinstance(command, Mail):
            one.phase = Phase.MAIL
            one.mail_answered((yield AWAIT_MAIL))
            one.phase = Phase.RCPT
        else:
            one.rcpt_answered(next(paths), (yield AWAIT_RCPT))
        if one.link.doubt is not None or one.mail_fault is not None:
            return False
    if not one.accepted:
        one.broken_off()
    return bool(one.accepted)


def go_ahead(one: Transaction) -> Answer:
    """The reply to DATA; true where the server waits for a message."""
    one.phase = Phase.DATA
    return one.data_answered((yield AWAIT_DATA))


def body(one: Transaction) -> Steps:
    """The message without its terminator, and the word that the terminator comes next."""
    one.phase = Phase.BODY
    yield SendBody(one.delivery.mail.data, replies=len(one.accepted) if one.link.lmtp else 1)
    yield Commit((one.delivery.position,))
    one.phase = Phase.FINAL_REPLY


def read_final(one: Transaction) -> Steps:
    """The final reply; over LMTP one for each accepted recipient, in their order."""
    if not one.link.lmtp:
        one.finally_answered((yield AWAIT_FINAL))
        return
    for path in one.accepted:
        one.finally_answered_for(path, (yield AWAIT_FINAL))


def lone_dot(one: Transaction) -> Steps:
    """Nobody is left, and the server waits for a message: an empty one, whose reply is not about ours (R11)."""
    yield Send((Terminator(),))
    one.link.doubt = "a 354 with no recipient accepted"
    yield AWAIT_FINAL


def lost(one: Transaction, failure: Lost) -> None:
    """The connection failed while ``one`` was under way."""
    one.lost(failure, handed_over=one.phase is Phase.FINAL_REPLY and not failure.held_back)
