"""The steps that a dialogue asks of whoever owns the socket, and the word that it gets when one fails.

A dialogue is a generator: it yields steps and is sent the reply for each `Await`. When the connection fails, `Lost` is
thrown into it at the step, and the dialogue says what that means. What is sent may wait until the next `Await`, so
that one flight is one write.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import NamedTuple

from notifier.errors import Phase
from notifier.model.octets import Octets
from notifier.protocol.commands import Command, Terminator
from notifier.protocol.delivery import Delivery
from notifier.protocol.reply import Reply


@dataclass(frozen=True, slots=True)
class Send:
    """Send these commands."""

    commands: tuple[Command, ...]


class SendLines(NamedTuple):  # made for each mail, as are `SendWhole` and `Commit`: a tuple is made in half the time
    """Send command lines that are encoded already; ``replies`` are owed for them."""

    octets: bytes
    replies: int


@dataclass(frozen=True, slots=True)
class Await:
    """Wait for the next reply, as long as ``phase`` allows. The generator is sent the `Reply`."""

    phase: Phase


@dataclass(frozen=True, slots=True)
class SendBody:
    """Send the message's octets, dot-stuffed, without the terminator; ``replies`` final replies may come from now on.

    What the server says before the terminator is an early verdict (row W1): `Lost` with that reply.
    """

    data: Octets = field(repr=False)
    replies: int = 1


class SendWhole(NamedTuple):
    """Send mails whole: of each its envelope's lines, and its message with the terminator in it.

    ``replies`` may come for all of them from now on. ``alone``: nothing may have been said by the server yet, or it is
    an early verdict, as for `SendBody`; and ``behind`` the mail goes the next one's envelope. All is written at once:
    while the server works at it, the dialogue prepares what comes next.
    """

    mails: Sequence[tuple[bytes, bytes]]
    replies: int
    alone: bool = False
    behind: bytes = b""

    def __repr__(self) -> str:
        """Without the messages."""
        return f"SendWhole({len(self.mails)} mails, replies={self.replies}, alone={self.alone})"


@dataclass(frozen=True, slots=True)
class Flush:
    """Write what waits now: while the server works at it, the dialogue prepares what comes next."""


@dataclass(frozen=True, slots=True)
class SendChunk:
    """Send BDAT with these octets as they are; the ``last`` one is the message's terminator (RFC 3030 section 2)."""

    data: bytes | memoryview = field(repr=False)
    last: bool = True


class Commit(NamedTuple):
    """The terminators of the mails at ``positions`` go out next: the last moment at which they are surely not delivered
    (rule r2).

    The owner records that, checks the clock (rule r3), and only then resumes the dialogue. Whatever its record-keeping
    raises is thrown in here. ``begun``: those of them of which an earlier transaction is over, and what has become of it.
    """

    positions: tuple[int, ...]
    begun: tuple[Delivery, ...] = ()

    @classmethod
    def of(cls, deliveries: Sequence[Delivery]) -> Commit:
        """These mails'."""
        if len(deliveries) == 1 and not deliveries[0].terminator_sent:
            return cls((deliveries[0].position,))
        return cls(
            tuple([one.position for one in deliveries]), tuple([one for one in deliveries if one.terminator_sent])
        )


@dataclass(frozen=True, slots=True)
class UpgradeToTLS:
    """Do the TLS handshake now, with chain and name verified."""


Step = Send | SendLines | Await | SendBody | SendWhole | Flush | SendChunk | Commit | UpgradeToTLS


def terminators_in(step: Step) -> int:
    """How many mails the step hands over."""
    match step:
        case SendWhole(mails=mails):
            return len(mails)
        case SendChunk(last=last):
            return int(last)
        case Send(commands=commands):
            return sum(isinstance(command, Terminator) for command in commands)
    return 0


class Loss(StrEnum):
    """How a connection failed."""

    TIMEOUT = "timeout"
    CLOSED = "closed"  # EOF or reset, no octet of a reply
    CUT = "cut"  # EOF or reset inside a reply
    VIOLATION = "violation"
    TOO_LATE = "too late"  # the dot deadline had passed


class Lost(Exception):
    """The connection failed at a step. ``reply`` is one that the server had sent before it went.

    ``held_back`` terminators, the last ones that were asked for, had not been written whole: their mails are surely
    not delivered.
    """

    def __init__(self, loss: Loss, text: str, reply: Reply | None = None, held_back: int = 0) -> None:
        self.loss, self.text, self.reply, self.held_back = loss, text, reply, held_back
        super().__init__(loss, text, reply, held_back)
