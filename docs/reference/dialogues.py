"""The order of the replies in one SMTP session, found by driving the core's two dialogues with every kind of reply.

The dialogues are generators and no tables. What they wait for next is asked of them here, run by run: a run is a list of
answers, begun anew for each, up to where it ends or waits for an answer that the list does not have.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterable, Iterator
from enum import StrEnum
from typing import Any

from notifier.errors import DeliveryError, Phase
from notifier.model.envelope import Envelope, MailObject
from notifier.model.secret import Secret
from notifier.protocol.dialogue import Await, Commit, Loss, Lost, SendBody, UpgradeToTLS
from notifier.protocol.extensions import Extensions
from notifier.protocol.handshake import Wish, handshake
from notifier.protocol.link import Link
from notifier.protocol.reply import Reply
from notifier.protocol.sasl.choice import Credentials
from notifier.protocol.sending import sending
from notifier.protocol.transactions import transactions_for
from notifier.protocol.transparency import BLOCK

Dialogue = Generator[Any, Any, Any]

READY = "ready"  # nothing is owed: the next mail, or back into the pool
DEAD = "dead"  # never used again
TLS = "tls"  # the handshake below SMTP
COMMIT = "commit"  # the owner of the dialogue is told that the final dot goes out next


class Answer(StrEnum):
    """What a dialogue may hear."""

    POSITIVE = "positive"
    TRANSIENT = "4yz"
    PERMANENT = "5yz"
    CLOSING = "421"
    LOST = "lost"


Edge = tuple[str, Answer | None, str]
"""From where, by which answer (None: it goes on by itself), to where."""

MOST_REFUSALS = 2  # in one run: what one refusal leads to may depend on one before it
_POSITIVE = {Phase.GREETING: 220, Phase.STARTTLS: 220, Phase.AUTH: 235, Phase.DATA: 354}
_OTHER = {Answer.TRANSIENT: 450, Answer.PERMANENT: 550, Answer.CLOSING: 421}
_EHLO = Reply(250, (b"relay.example", b"STARTTLS", b"AUTH PLAIN"))


def edges() -> set[Edge]:
    """What follows upon what, from the greeting to the final reply of a second mail."""
    return set(_walk(_greeted, "")) | set(_walk(_sent, READY))


def _greeted() -> Dialogue:
    wish = Wish("relay", "me.example", credentials=Credentials("zoe", Secret("secret")), server="relay.example")
    return handshake(wish)


def _sent() -> Dialogue:
    """A message that goes out whole to two recipients, one that goes in blocks, and whether a third could go."""
    link = Link("relay", Extensions())
    short = MailObject(Envelope("a@shop.example", ("b@example.com", "c@example.com")), b"Subject: 1\r\n\r\n1\r\n")
    long = MailObject(Envelope("a@shop.example", ("b@example.com",)), b"Subject: 2\r\n\r\n" + b"2\r\n" * BLOCK)
    yield from sending(transactions_for([short, long], link), link)
    return link.doubt is None


def _walk(begin: Callable[[], Dialogue], first: str) -> Iterator[Edge]:
    """The edges of every run with at most two answers that are not positive."""
    waiting: list[tuple[Answer, ...]] = [()]
    while waiting:
        answers = waiting.pop()
        found, ended = _run(begin(), answers, first)
        yield from found
        if not ended:
            longer = [(*answers, one) for one in Answer]
            waiting += [run for run in longer if sum(one is not Answer.POSITIVE for one in run) <= MOST_REFUSALS]


def _run(dialogue: Dialogue, answers: Iterable[Answer], at: str) -> tuple[list[Edge], bool]:
    """The edges that a run takes, and whether it came to its end."""
    left, found = list(answers), list[Edge]()
    by: Answer | None = None
    try:
        step = next(dialogue)
        while True:
            if node := _node(step):
                found.append((at, by, node))
                at, by = node, None
            if not isinstance(step, Await | UpgradeToTLS):
                step = dialogue.send(None)
            elif left:
                by = left.pop(0)
                step = _answered(dialogue, step, by)
            else:
                return found, False
    except StopIteration as end:
        return [*found, (at, by, READY if end.value else DEAD)], True
    except DeliveryError:
        return [*found, (at, by, DEAD)], True


def _node(step: object) -> str:
    match step:
        case Await(phase=phase):
            return phase
        case SendBody():
            return Phase.BODY
        case Commit():
            return COMMIT
        case UpgradeToTLS():
            return TLS
    return ""


def _answered(dialogue: Dialogue, step: Await | UpgradeToTLS, answer: Answer) -> object:
    if answer is Answer.LOST:
        return dialogue.throw(Lost(Loss.CLOSED, "the connection ended"))
    if isinstance(step, UpgradeToTLS):  # below SMTP nothing is refused: it is there, or it is lost
        return dialogue.send(None) if answer is Answer.POSITIVE else dialogue.throw(Lost(Loss.VIOLATION, "no TLS"))
    if answer is Answer.POSITIVE:
        good = Reply(_POSITIVE.get(step.phase, 250), (b"yes",))
        return dialogue.send(_EHLO if step.phase is Phase.EHLO else good)
    return dialogue.send(Reply(_OTHER[answer], (b"no",)))
