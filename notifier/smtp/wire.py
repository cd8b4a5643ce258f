"""`Wire`: one connection's stream, framing and clock. It does the steps of a dialogue, each within its time."""

from __future__ import annotations

import math
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import fields
from functools import lru_cache

from notifier.errors import Phase
from notifier.model.octets import Octets
from notifier.protocol.commands import Bdat, Command, Terminator
from notifier.protocol.connection import Connection
from notifier.protocol.dialogue import (
    Flush,
    Loss,
    Lost,
    Send,
    SendBody,
    SendChunk,
    SendLines,
    SendWhole,
    terminators_in,
)
from notifier.protocol.reply import CAPS, ProtocolViolation, Reply, ReplyCaps
from notifier.protocol.transcript import Transcript
from notifier.protocol.transparency import BLOCK, stuffed_blocks
from notifier.smtp.deadline import Deadline
from notifier.smtp.endpoint import Timeouts
from notifier.smtp.outbox import Outbox
from notifier.smtp.stream import NetworkStream, StreamClosed, StreamTimeout

JUST_NOW = 0.0002  # seconds since the last read in which another look would be a system call for nothing
_TIMERS = {timer.name for timer in fields(Timeouts)}
_TIMED = tuple(phase for phase in Phase if phase.value in _TIMERS)


class Wire:
    """``phase_seconds`` grows by the time spent waiting in each phase, until its owner takes it. ``ends``: the monotonic
    time (seconds) after which nothing is written or waited for, whatever time a step or a phase has; its owner's to set.
    ``read_at``: when the server was heard last, where somebody waited for it.
    """

    def __init__(
        self,
        stream: NetworkStream,
        timeouts: Timeouts,
        transcript: Transcript | None = None,
        caps: ReplyCaps = CAPS,
    ) -> None:
        self.stream = stream
        self.connection = Connection(transcript, caps)
        self.transcript = transcript
        self.phase_seconds: dict[str, float] = {}
        self.ends = math.inf
        self._body_block = timeouts.body_block
        self._timers = _timers(timeouts)
        self._outbox = Outbox()
        self._dotted = False  # messages go by DATA
        self.read_at = 0.0

    def do(self, step: Send | SendLines | SendBody | SendWhole | SendChunk | Flush) -> None:
        """Send what the step says, now or with what follows. Raises `Lost`."""
        if self.connection.dead is not None:
            self._outbox.hold_back(terminators_in(step))
            early = self.connection.unasked if isinstance(step, SendBody | SendWhole) else None
            raise Lost(Loss.VIOLATION, self.connection.dead, early, self._outbox.held_back)
        match step:
            case SendWhole():
                self._send_whole(step)
            case SendLines(octets=octets, replies=replies):
                self._send_lines(octets, replies)
            case Flush():
                self._flush()
            case Send(commands=commands):
                self._send(*commands)
            case SendBody(data=data, replies=replies):
                self._send_body(data, replies)
            case SendChunk(data=data, last=last):
                self._send_chunk(data, last=last)

    def reply(self, phase: Phase) -> Reply:
        """The next reply, once all that waits has been written. Absolute: octets that drip gain no time (law 4).

        Raises `Lost`.
        """
        replies = self.connection.replies
        return replies.popleft() if replies and not self._outbox.waiting else self._waited_for(phase)

    @property
    def has_reply(self) -> bool:
        """True where `reply` has neither to write nor to read."""
        return bool(self.connection.replies) and not self._outbox.waiting

    def reply_until(self, deadline: Deadline) -> Reply:
        """The same, with a time of its own."""
        self._flush(deadline)
        return self._read_reply(deadline)

    def end_until(self, deadline: Deadline) -> None:
        """Wait until the server has closed the connection, or until then."""
        try:  # as nearly always it ends so, `suppress` would be a detour
            while True:
                self.stream.read(deadline)
        except (StreamClosed, StreamTimeout):
            return

    @property
    def silent(self) -> bool:
        """True where nothing has come unasked, as far as one can know without sending. Raises `StreamClosed`."""
        return self.stream.read_now() is None

    def listen(self) -> None:
        """Take in what has come unasked: the connection is dead then, and knows what it was. Raises `StreamClosed`."""
        if (octets := self.stream.read_now()) is not None:
            self._take(octets)

    # writing --------------------------------------------------------------------------------------------------------

    def _send(self, *commands: Command) -> None:
        self._outbox.put(self.connection.send(*commands))
        if type(commands[-1]) is Terminator:
            self._outbox.end_of_message()

    def _send_lines(self, octets: bytes, replies: int) -> None:
        self._outbox.put(octets)
        self.connection.owed += replies
        if self.transcript is not None:
            self.transcript.sent_lines(octets)

    def _send_whole(self, step: SendWhole) -> None:
        mails, replies, alone, behind = step
        if alone:
            if time.monotonic() - self.read_at >= JUST_NOW:
                self._look("before the message was sent", 1)
            self._dotted = True
        elif not self.connection.owed:
            self._check_it_is_there(len(mails))
        self.connection.owed += replies
        self._outbox.put_whole(mails, behind)
        if self.transcript is not None:
            _note(step, self.transcript)
        try:
            self._flush()
        except Lost as lost:
            if alone:
                lost.reply = self.connection.next_reply()
            raise

    def _send_body(self, data: Octets, replies: int) -> None:
        self._note_octets(len(data))
        self._check_nothing_came("before the message was sent")
        self.connection.owed += replies
        self._dotted = True
        began = time.monotonic()
        for block in stuffed_blocks(data):
            self._outbox.put(block)
            self._flush_of_body()
            self._check_nothing_came("while the message was sent")
        self.took("body", began)

    def _send_chunk(self, data: bytes | memoryview, *, last: bool) -> None:
        self._outbox.put(self.connection.send(Bdat(len(data), last)))
        self._note_octets(len(data))
        if len(data) <= BLOCK:
            self._outbox.put(bytes(data))
            if last:
                self._outbox.end_of_message()
            if self._outbox.full:
                self._flush_of_body()
            return
        view = memoryview(data)
        blocks = [view[start : start + BLOCK] for start in range(0, len(view), BLOCK)]
        for number, block in enumerate(blocks, start=1):
            self._outbox.put(bytes(block))
            if last and number == len(blocks):
                self._outbox.end_of_message()
            self._flush_of_body()

    def _check_it_is_there(self, mails: int) -> None:
        """No reply comes between envelope and message here: had the server gone behind its last reply, as many do after
        so many mails, these would be unknown.
        """
        try:
            self._look("before the message was sent", mails)
        except Lost:
            self._outbox.hold_back(mails)
            raise

    def _check_nothing_came(self, when: str) -> None:
        """A verdict before the message's end wins (row W1)."""
        if time.monotonic() - self.read_at >= JUST_NOW:
            self._look(when, held_back=0)

    def _look(self, when: str, held_back: int) -> None:
        if not self.stream.readable:
            return
        try:
            if (octets := self.stream.read_now()) is not None:
                self._take(octets)
        except StreamClosed as error:
            raise Lost(Loss.CLOSED, str(error), held_back=held_back) from error
        if self.connection.dead is not None:
            raise Lost(Loss.VIOLATION, self.connection.dead, held_back=held_back)
        if (early := self.connection.next_reply()) is not None:
            raise Lost(Loss.CLOSED, f"the server answered {when}: {early}", early, held_back)

    def _flush_of_body(self) -> None:
        try:
            self._flush()
        except Lost as lost:
            lost.reply = self.connection.next_reply()
            raise

    def _in_time(self) -> Deadline:
        """What a piece of a flight has."""
        return Deadline(min(time.monotonic() + self._body_block, self.ends))

    def _flush(self, deadline: Deadline | None = None) -> None:
        """Write all that waits, by ``deadline`` and each further piece of a long flight within a time of its own; where the
        server has gone, what it said before is taken in first.
        """
        outbox = self._outbox
        try:
            if outbox.waiting and not outbox.full and outbox.drain(self.stream.write_now):
                return  # so it is with nearly all: nothing is waited for, and no clock is looked at
            while outbox.waiting:
                deadline = self._in_time() if deadline is None else deadline
                self.stream.write(outbox.take(), deadline, outbox.written, self._take)
                deadline = None
        except StreamTimeout:
            raise self._lost(Loss.TIMEOUT, "the server did not take our octets in time") from None
        except StreamClosed as error:
            self._hear_last_words()
            raise self._lost(Loss.CLOSED, str(error)) from error

    def _hear_last_words(self) -> None:
        with suppress(StreamClosed):
            while (octets := self.stream.read_now()) is not None:
                self._take(octets)

    # reading --------------------------------------------------------------------------------------------------------

    def _waited_for(self, phase: Phase) -> Reply:
        seconds, name = self._timers[phase]
        began = time.monotonic()
        deadline = Deadline(min(began + seconds, self.ends))
        if self._outbox.waiting:
            try:
                self._flush(deadline)
            except Lost as lost:
                return self._early_reply(phase, lost)
        reply = self._read_reply(deadline)
        took = self.phase_seconds
        took[name] = took.get(name, 0.0) + time.monotonic() - began
        return reply

    def _early_reply(self, phase: Phase, lost: Lost) -> Reply:
        """Writing failed: a reply that had come by then counts, unless it takes what was not handed over."""
        reply = self.connection.next_reply()
        if reply is None or (self._dotted and lost.held_back and phase is Phase.FINAL_REPLY and reply.positive):
            raise lost
        return reply

    def _read_reply(self, deadline: Deadline) -> Reply:
        connection = self.connection
        replies = connection.replies
        while not replies:
            if connection.dead is not None:
                raise self._lost(Loss.VIOLATION, connection.dead)
            try:
                connection.receive(self.stream.read(deadline))
                self.read_at = time.monotonic()
            except ProtocolViolation:
                continue  # what came before it counts; then `connection.dead` says what it was
            except StreamTimeout:
                raise self._lost(Loss.TIMEOUT, "no reply in time") from None
            except StreamClosed as error:
                raise self._lost(Loss.CUT if self.connection.mid_reply else Loss.CLOSED, str(error)) from error
        return replies.popleft()

    def _lost(self, loss: Loss, words: str) -> Lost:
        return Lost(loss, words, held_back=self._outbox.held_back)

    def _take(self, octets: bytes) -> None:
        """Whole replies before a violation count; then the connection is dead, and says why."""
        try:
            self.connection.receive(octets)
        except ProtocolViolation:
            return  # `connection.dead` has it

    # notes ----------------------------------------------------------------------------------------------------------

    def took(self, phase: str, began: float) -> None:
        """Add the time since ``began`` (monotonic seconds) to a phase."""
        self.phase_seconds[phase] = self.phase_seconds.get(phase, 0.0) + time.monotonic() - began

    def _note_octets(self, count: int) -> None:
        if self.transcript is not None:
            self.transcript.sent_octets(count)


@lru_cache(maxsize=16)  # one for each relay
def _timers(timeouts: Timeouts) -> Mapping[Phase, tuple[float, str]]:
    """How long each phase's reply may take, and how that time is called; that of the body is the reply to a chunk."""
    seconds = {phase: getattr(timeouts, phase.value) for phase in _TIMED} | {Phase.BODY: timeouts.final_reply}
    return {phase: (timer, phase.value) for phase, timer in seconds.items()}


def _note(step: SendWhole, transcript: Transcript) -> None:
    for envelope, message in step.mails:
        transcript.sent_lines(envelope)
        transcript.sent_octets(len(message))
    transcript.sent_lines(step.behind)
