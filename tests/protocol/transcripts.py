"""Runs a dialogue against a scripted server: every transcript is played at every split of the server's octets."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import TypeVar

from driven import quick

from notifier.errors import Phase
from notifier.model.envelope import MailObject
from notifier.model.outcome import RecipientOutcome
from notifier.protocol.commands import Bdat
from notifier.protocol.connection import Connection
from notifier.protocol.delivery import Delivery
from notifier.protocol.dialogue import (
    Await,
    Commit,
    Flush,
    Loss,
    Lost,
    Send,
    SendBody,
    SendChunk,
    SendLines,
    SendWhole,
    Step,
    UpgradeToTLS,
    terminators_in,
)
from notifier.protocol.link import Link
from notifier.protocol.reply import ProtocolViolation, Reply
from notifier.protocol.sending import sending
from notifier.protocol.transaction import accepted
from notifier.protocol.transactions import Taken, transactions_for
from notifier.protocol.transparency import stuffed

Result = TypeVar("Result")


@dataclass
class Wire:
    """What was said. ``flights``: what was written between two waits; ``events`` has one entry a step, for order."""

    flights: list[bytes] = field(default_factory=list)
    events: list[str] = field(default_factory=list)
    commits: list[tuple[int, ...]] = field(default_factory=list)
    waiting: bytes = b""

    @property
    def sent(self) -> bytes:
        return b"".join(self.flights) + self.waiting

    def flush(self) -> None:
        if self.waiting:
            self.flights.append(self.waiting)
            self.waiting = b""


class Scripted:
    """A server that says ``server`` (octets), cut in pieces, whenever a reply is waited for; then EOF or silence."""

    def __init__(
        self, pieces: Iterator[bytes], ending: Loss, at_commit: Callable[[tuple[int, ...]], None] | None = None
    ) -> None:
        self._pieces = pieces
        self._ending = ending
        self._at_commit = at_commit
        self.connection = Connection()
        self.wire = Wire()
        self.decided: list[Delivery] = []
        self.held_back = 0
        self.taken = 0  # mails, with others at once
        self.mails: Sequence[MailObject] = ()
        self._joined = False

    def play(self, dialogue: Generator[Step | Delivery | Taken, Reply, Result]) -> Result:
        """Run it to its end."""
        answer: Reply | None = None
        failure: Exception | None = None
        while True:
            try:
                step = dialogue.throw(failure) if failure else dialogue.send(answer)
            except StopIteration as done:
                self.wire.flush()
                return done.value
            answer, failure = None, None
            try:
                answer = self._do(step)
            except Exception as error:  # noqa: BLE001 - thrown in at its step
                failure = error

    def send(self, mails: Sequence[MailObject], link: Link) -> None:
        """Greet, and hand the mails over; ``decided`` has what became of them."""
        self.connection.receive(b"220 hi\r\n")
        self.connection.next_reply()
        link.replies, link.out_of_step = self.connection.replies, lambda: self.connection.out_of_step
        self.mails = mails
        binary = any(one.binary for one in mails)
        self.play(sending(transactions_for(mails, link), link, binary=binary))

    def _do(self, step: Step | Delivery | Taken) -> Reply | None:  # noqa: C901 - one case a step
        if not isinstance(step, Await | Delivery | Taken | Commit) and self.connection.dead:
            self.held_back += terminators_in(step)
            raise Lost(Loss.VIOLATION, self.connection.dead, held_back=self.held_back)
        match step:
            case Delivery():
                assert step.position not in [one.position for one in self.decided], "a mail was decided twice"
                self.decided.append(step)
            case Taken():
                self.taken += len(step.positions)
                for one in one_by_one(step, self.mails):
                    self._do(one)
            case Send(commands=commands):
                self.wire.waiting += self.connection.send(*commands)
                self.wire.events.append("send")
            case SendBody(data=data, replies=replies):
                self.connection.owed += replies
                self.wire.waiting += stuffed(data)
                self.wire.events.append("body")
            case SendLines(octets=octets, replies=replies):
                self.connection.owed += replies
                self.wire.waiting += octets
                self.wire.events.append("send")
            case SendWhole(mails=mails, replies=replies, behind=behind):
                self.connection.owed += replies
                self.wire.waiting += b"".join(octets for mail in mails for octets in mail) + behind
                self.wire.flush()
                self.wire.events += ["whole"] * len(mails)
            case Flush():
                self.wire.flush()
            case SendChunk(data=data, last=last):
                self.wire.waiting += self.connection.send(Bdat(len(data), last)) + bytes(data)
                self.wire.events.append("chunk")
            case Commit(positions=positions):
                self.wire.events.append("commit")
                self.wire.commits.append(positions)
                if self._at_commit is not None:
                    self._at_commit(positions)
            case UpgradeToTLS():
                self.wire.events.append("tls")
            case Await(phase=phase):
                self.wire.flush()
                return self._reply(phase)
        return None

    def _next_piece(self) -> bytes | None:
        piece = next(self._pieces, None)
        if piece == JOINED:
            self._joined, piece = True, next(self._pieces, None)
        while self._joined and piece is not None and _replies_in(piece) < self.connection.owed:
            following = next(self._pieces, None)
            if following is None or following == JOINED:
                break
            piece += following
        return piece

    def _reply(self, phase: Phase) -> Reply:
        while (reply := self.connection.next_reply()) is None:
            if self.connection.dead:
                raise Lost(Loss.VIOLATION, self.connection.dead, held_back=self.held_back)
            piece = self._next_piece()
            if piece is None:
                cut = self._ending is Loss.CLOSED and self.connection.mid_reply
                raise Lost(Loss.CUT if cut else self._ending, f"{self._ending} at {phase}")
            with suppress(ProtocolViolation):  # what stands before it counts; then `dead` says why
                self.connection.receive(piece)
        return reply


def one_by_one(taken: Taken, mails: Sequence[MailObject]) -> Iterator[Delivery]:
    """What became of many mails, as it is told of one."""
    for position, path, welcome, final in zip(*taken, strict=True):
        yield Delivery(position, mails[position], {path: accepted(welcome)}, final, terminator_sent=True)


def _replies_in(octets: bytes) -> int:
    """Whole ones: a line with a hyphen behind its code is not the last of its reply."""
    return sum(line.endswith(b"\r\n") and line[3:4] != b"-" for line in octets.splitlines(keepends=True))


EVERY = quick(1, 5)
JOINED = (
    b""  # in the place of a piece: from here on all replies that are owed come in one piece, up to the next such mark
)


def splits(octets: bytes) -> Iterator[list[bytes]]:
    """In lines (as a real server writes), joined in one piece and in two as far as they are owed, octet by octet, and cut
    once at each position of each line (`make check`: at every fifth, another one in each line).
    """
    lines = octets.splitlines(keepends=True)
    yield lines
    yield [JOINED, *lines]
    for border in range(1, len(lines)):
        yield [JOINED, *lines[:border], JOINED, *lines[border:]]
    yield [octets[i : i + 1] for i in range(len(octets))]
    for line_at, line in enumerate(lines):
        for cut in range(1 + line_at % EVERY, len(line), EVERY):
            yield [*lines[:line_at], line[:cut], line[cut:], *lines[line_at + 1 :]]


def at_every_split(server: bytes, run: Callable[[list[bytes]], object]) -> None:
    """``run`` plays the transcript and says what came of it: the same, however the octets come."""
    whole, *others = splits(server)
    expected = run(whole)
    for pieces in others:
        assert run(pieces) == expected, pieces


def told(scripted: Scripted) -> object:
    """What came of a transcript: what was said, and what became of each mail and recipient."""
    mails = [
        (one.position, one.terminator_sent, {path: (o.state, _row(o)) for path, o in one.recipients.items()})
        for one in scripted.decided
    ]
    return scripted.wire.sent, sorted(mails, key=lambda one: one[0]), scripted.connection.quiet


def _row(outcome: RecipientOutcome) -> str | None:
    return outcome.fault.taxonomy_id if outcome.fault else None
