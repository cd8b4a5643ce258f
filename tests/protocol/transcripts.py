"""Runs a dialogue against a scripted server: every transcript is played at every split of the server's octets."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator
from dataclasses import dataclass, field
from typing import TypeVar

from notifier.errors import Phase
from notifier.protocol.commands import Terminator
from notifier.protocol.connection import Connection
from notifier.protocol.dialogue import Await, Commit, Loss, Lost, Send, SendBody, Step, UpgradeToTLS
from notifier.protocol.reply import ProtocolViolation, Reply
from notifier.protocol.transparency import stuffed

Result = TypeVar("Result")


@dataclass
class Wire:
    """What was said. ``events`` has one entry a step, for order."""

    sent: bytes = b""
    events: list[str] = field(default_factory=list)


class Scripted:
    """A server that says ``server`` (octets), cut in pieces, whenever a reply is waited for; then EOF or silence."""

    def __init__(self, pieces: Iterator[bytes], ending: Loss) -> None:
        self._pieces = pieces
        self._ending = ending
        self.connection = Connection()
        self.wire = Wire()

    def play(self, dialogue: Generator[Step, Reply, Result]) -> Result:
        """Run it to its end."""
        resume: Callable[[], Step] = lambda: next(dialogue)  # noqa: E731
        while True:
            try:
                step = resume()
            except StopIteration as done:
                return done.value
            try:
                answer = self._do(step)
                resume = lambda answer=answer: dialogue.send(answer)  # noqa: E731
            except Lost as lost:
                resume = lambda lost=lost: dialogue.throw(lost)  # noqa: E731

    def _do(self, step: Step) -> Reply | None:
        match step:
            case Send(commands=commands):
                self.wire.sent += self.connection.send(*commands)
                self.wire.events.append("flight")
            case SendBody(data=data, replies=replies):
                self.connection.owe(Terminator(replies=replies))
                self.wire.sent += stuffed(data)
            case Commit():
                self.wire.events.append("commit")
            case UpgradeToTLS():
                self.wire.events.append("tls")
            case Await(phase=phase):
                return self._reply(phase)
        return None

    def _reply(self, phase: Phase) -> Reply:
        while (reply := self.connection.next_reply()) is None:
            piece = next(self._pieces, None)
            if piece is None:
                cut = self._ending is Loss.CLOSED and self.connection.mid_reply
                raise Lost(Loss.CUT if cut else self._ending, f"{self._ending} at {phase}")
            try:
                self.connection.receive(piece)
            except ProtocolViolation as error:
                raise Lost(Loss.VIOLATION, str(error)) from error
        return reply


def splits(octets: bytes) -> Iterator[list[bytes]]:
    """In lines (as a real server writes), octet by octet, and cut once at each position."""
    lines = octets.splitlines(keepends=True)
    yield lines
    yield [octets[i : i + 1] for i in range(len(octets))]
    for line_at, line in enumerate(lines):
        for cut in range(1, len(line)):
            yield [*lines[:line_at], line[:cut], line[cut:], *lines[line_at + 1 :]]
