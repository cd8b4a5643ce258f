"""The parts that every way of sending has in common: who gets which reply.

A reply that has come already is taken from the link; only for one that has not, the dialogue waits.
"""

from __future__ import annotations

from collections.abc import Generator

from notifier.errors import Phase
from notifier.protocol.commands import Terminator
from notifier.protocol.delivery import Delivery
from notifier.protocol.dialogue import Await, Flush, Lost, Send, SendLines, Step
from notifier.protocol.reply import Reply
from notifier.protocol.transaction import Transaction
from notifier.protocol.transactions import Taken

Steps = Generator["Step | Delivery | Taken", Reply, None]
Answer = Generator["Step | Delivery | Taken", Reply, bool]

# Steps and commands are values: those that are said all day long are made once.
AWAIT_RSET, AWAIT_MAIL, AWAIT_RCPT = Await(Phase.RSET), Await(Phase.MAIL), Await(Phase.RCPT)
AWAIT_DATA, AWAIT_BODY, AWAIT_FINAL = Await(Phase.DATA), Await(Phase.BODY), Await(Phase.FINAL_REPLY)
FLUSH = Flush()
DATA = b"DATA\r\n"
DOT = Terminator(replies=0)  # its replies are owed since the body began


def read_envelope(one: Transaction) -> Steps:
    """The replies to RSET where it was sent, to MAIL and to each RCPT, in their order.

    Doubt ends it, but for a message that is on its way already: its final reply is still to come.
    """
    link, replies = one.link, one.link.replies
    sent = one.paths  # a refusal of MAIL is for those of further transactions too, whose RCPT was not sent
    if one.resets:
        one.phase = Phase.RSET
        one.reset_answered(replies.popleft() if replies else (yield link.hurry or AWAIT_RSET))
    if one.flying or link.doubt is None:
        one.phase = Phase.MAIL
        one.mail_answered(replies.popleft() if replies else (yield link.hurry or AWAIT_MAIL))
    one.phase = Phase.RCPT
    for path in sent:
        if link.doubt is not None and not one.flying:
            return
        one.rcpt_answered(path, replies.popleft() if replies else (yield link.hurry or AWAIT_RCPT))


def envelope_in_lock_step(one: Transaction) -> Answer:
    """Each command by itself; true where somebody was accepted."""
    lines = one.begin().splitlines(keepends=True)
    if one.resets:
        yield SendLines(lines.pop(0), 1)
        one.phase = Phase.RSET
        one.reset_answered((yield AWAIT_RSET))
    if one.link.doubt is None:
        yield SendLines(lines.pop(0), 1)
        one.phase = Phase.MAIL
        one.mail_answered((yield AWAIT_MAIL))
    for path, line in zip(one.paths, lines, strict=False):
        if one.link.doubt is not None or one.mail_fault is not None:
            return False
        yield SendLines(line, 1)
        one.phase = Phase.RCPT
        one.rcpt_answered(path, (yield AWAIT_RCPT))
    if not one.accepted:
        one.broken_off()
    return bool(one.accepted) and one.link.doubt is None


def go_ahead(one: Transaction) -> Answer:
    """The reply to DATA; true where the server waits for a message."""
    one.phase, replies = Phase.DATA, one.link.replies
    return one.data_answered(replies.popleft() if replies else (yield AWAIT_DATA))


def read_final(one: Transaction, *, followed: bool = False) -> Steps:
    """The final reply; over LMTP one for each accepted recipient, in their order.

    ``followed``: an envelope has gone behind the message, and its replies will show whether this was the right one.
    """
    replies = one.link.replies
    if not one.link.lmtp:
        one.finally_answered(replies.popleft() if replies else (yield AWAIT_FINAL))
    else:
        for path in one.accepted:
            one.finally_answered_for(path, replies.popleft() if replies else (yield AWAIT_FINAL))
    if not followed and one.link.out_of_step():
        one.in_doubt("more replies than commands")  # which one was it?


def lone_dot(one: Transaction) -> Steps:
    """Nobody is left, and the server waits for a message: an empty one, whose reply is not about ours (R11)."""
    yield Send((Terminator(),))
    one.link.doubt = "a 354 with no recipient accepted"
    yield AWAIT_FINAL


def lost(one: Transaction, failure: Lost) -> None:
    """The connection failed while ``one`` was under way."""
    one.lost(failure, handed_over=one.phase is Phase.FINAL_REPLY and not failure.held_back)
