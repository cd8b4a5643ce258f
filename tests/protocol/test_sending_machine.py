"""A client and a model server, driven by Hypothesis: whatever the server does, nobody is told what is not so.

The model server keeps a journal of what it took responsibility for. What a client reports is held against it: accepted
is in the journal, once; refused and deferred are not; unknown is only what had been handed over.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress

import pytest
from driven import driven
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule
from transcripts import one_by_one

from notifier.model.envelope import Envelope, MailObject
from notifier.model.outcome import RecipientState
from notifier.protocol import chunked
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
    terminators_in,
)
from notifier.protocol.extensions import Extensions
from notifier.protocol.link import Link
from notifier.protocol.reply import ProtocolViolation
from notifier.protocol.sending import sending
from notifier.protocol.transactions import Taken, transactions_for
from notifier.protocol.transparency import stuffed
from notifier.smtp.outbox import Outbox

ANSWERS = ["ok"] * 12 + ["temporary", "permanent", "421", "close", "cut", "garbage", "accept and close", "too many"]


SHIFTS = ["twice", "skip", "refused twice", "refused and skip"]


class ModelServer:
    """RFC 5321 and 2033 with PIPELINING and CHUNKING, strictly in order; ``answers`` say how each command is met.

    ``coded``: good replies have enhanced status codes.
    """

    def __init__(
        self, answers: Iterator[str], journal: list[tuple[bytes, str]], *, coded: bool = False, lmtp: bool = False
    ) -> None:
        self._answers = answers
        self._codes = {b"sender": b"2.1.0 ", b"recipient": b"2.1.5 "} if coded else {}
        self._other = b"2.0.0 " if coded else b""
        self._lmtp = lmtp
        self._journal = journal
        self._unread = b""
        self._sender = False
        self._recipients: list[str] = []
        self._in_data = False
        self.closed = False

    def hear(self, octets: bytes) -> bytes:
        """What it says to them."""
        self._unread += octets
        said = b""
        while not self.closed and (reply := self._next()) is not None:
            said += reply
        return said

    def _next(self) -> bytes | None:
        if self._in_data:
            return self._take_message()
        line, end, rest = self._unread.partition(b"\r\n")
        if not end:
            return None
        verb = line[:4]
        if verb == b"BDAT":
            return self._take_chunk(line, rest)
        self._unread = rest
        return getattr(self, f"_{verb.decode().lower()}")(line)

    def _met(self, good: bytes) -> bytes | None:
        answer = next(self._answers, "ok")
        good = self._coded(good)
        if answer in SHIFTS:
            return b"" if answer.endswith("skip") else good * 2
        replies = {"temporary": b"451 later\r\n", "permanent": b"554 no\r\n", "too many": b"452 4.5.3 too many\r\n"}
        if answer == "ok":
            return good
        if answer in replies:
            return replies[answer]
        self.closed = True
        return {"421": b"421 bye\r\n", "cut": good[:-4], "garbage": b"what?\r\n"}.get(answer, b"")

    def _coded(self, good: bytes) -> bytes:
        """``250 sender`` with its code, where there are codes; other replies as they are."""
        code, _, word = good.partition(b" ")
        return b"250 " + self._codes.get(word.strip(), self._other) + word if code == b"250" else good

    def _rset(self, _: bytes) -> bytes:
        self._sender, self._recipients = False, []
        return self._met(b"250 reset\r\n")

    def _mail(self, _: bytes) -> bytes:
        if self._sender:
            return b"503 nested\r\n"
        reply = self._met(b"250 sender\r\n")
        self._sender = reply.startswith(self._coded(b"250 sender\r")) or reply == b""
        return reply

    def _rcpt(self, line: bytes) -> bytes:
        if not self._sender:
            return b"503 no sender\r\n"
        reply = self._met(b"250 recipient\r\n")
        if reply.startswith(self._coded(b"250 recipient\r")) or (reply == b"" and not self.closed):
            self._recipients.append(line[9:-1].decode())
        return reply

    def _data(self, _: bytes) -> bytes:
        if not self._recipients:
            return b"554 nobody\r\n"
        reply = self._met(b"354 go\r\n")
        self._in_data = reply.startswith(b"354 go\r\n") or (reply == b"" and not self.closed)
        return reply

    def _take_message(self) -> bytes | None:
        body, end, rest = self._unread.partition(b"\r\n.\r\n")
        if not end:
            return None
        self._unread, self._in_data = rest, False
        return self._final(body + b"\r\n")

    def _take_chunk(self, line: bytes, rest: bytes) -> bytes | None:
        size = int(line.split()[1])
        if len(rest) < size:
            return None
        body, self._unread = rest[:size], rest[size:]
        if not self._recipients:
            return b"503 nobody\r\n"
        return self._final(body)

    def _final(self, body: bytes) -> bytes:
        recipients, self._sender, self._recipients = self._recipients, False, []
        if not self._lmtp:
            return self._final_for(body, recipients)
        said = b""
        for recipient in recipients:
            said += b"" if self.closed else self._final_for(body, [recipient])
        return said

    def _final_for(self, body: bytes, recipients: list[str]) -> bytes:
        answer = next(self._answers, "ok")
        good = self._coded(b"250 kept\r\n")
        shifted = {"twice": good * 2, "skip": b"", "refused twice": b"554 no\r\n" * 2, "refused and skip": b""}
        if answer in shifted:
            if not answer.startswith("refused"):
                self._journal.extend((body, recipient) for recipient in recipients)
            return shifted[answer]
        kept = {"ok": good, "accept and close": b"", "cut": b"250 ke", "garbage": b"eh?\r\n"}
        if answer in kept:
            self._journal.extend((body, recipient) for recipient in recipients)
            self.closed = answer != "ok"
            return kept[answer]
        self.closed = answer in ("421", "close")
        return {"421": b"421 bye\r\n", "close": b"", "permanent": b"554 no\r\n"}.get(answer, b"451 later\r\n")


class Player:
    """Does the steps against the model server, which may stop taking octets at any point."""

    def __init__(self, server: ModelServer, takes: int, piece: int) -> None:
        self.connection = Connection()
        self.connection.receive(b"220 hi\r\n")
        self.connection.next_reply()
        self._server = server
        self._takes = takes  # octets that reach the server before the line breaks
        self._piece = piece
        self._outbox = Outbox()
        self._coming = b""

    def play(self, mails: list[MailObject], link: Link) -> Iterator[Delivery]:
        link.replies, link.out_of_step = self.connection.replies, lambda: self.connection.out_of_step
        dialogue = sending(transactions_for(mails, link), link)
        answer, failure = None, None
        while True:
            try:
                step = dialogue.throw(failure) if failure else dialogue.send(answer)
            except StopIteration:
                return
            answer, failure = None, None
            try:
                if isinstance(step, Delivery):
                    yield step
                elif isinstance(step, Taken):
                    yield from one_by_one(step, mails)
                elif isinstance(step, Await):
                    answer = self._reply()
                elif not isinstance(step, Commit):
                    self._send(step)
            except Lost as lost:
                failure = lost

    def _send(self, step: object) -> None:
        if self.connection.dead:
            self._outbox.hold_back(terminators_in(step))
            raise self._lost(Loss.VIOLATION)
        match step:
            case Send(commands=commands):
                self._outbox.put(self.connection.send(*commands))
                self._outbox.end_of_message()
            case SendLines(octets=octets, replies=replies):
                self.connection.owed += replies
                self._outbox.put(octets)
            case SendBody(data=data, replies=replies):
                self.connection.owed += replies
                self._outbox.put(stuffed(data))
            case SendChunk(data=data, last=last):
                self._outbox.put(self.connection.send(Bdat(len(data), last)) + bytes(data))
                if last:
                    self._outbox.end_of_message()
            case SendWhole(mails=mails, replies=replies, behind=behind):
                self.connection.owed += replies
                self._outbox.put_whole(mails, behind)
                self._flush()
            case Flush():
                self._flush()

    def _flush(self) -> None:
        octets = self._outbox.take() if self._outbox.waiting else b""
        taken = 0 if self._server.closed else min(len(octets), self._takes)
        self._takes -= taken
        self._outbox.written(taken)
        self._coming += self._server.hear(octets[:taken])
        if taken < len(octets):
            self._server.closed = True
            raise self._lost(Loss.CLOSED)

    def _reply(self) -> object:
        with suppress(Lost):
            self._flush()
        while (reply := self.connection.next_reply()) is None:
            if self.connection.dead:
                raise self._lost(Loss.VIOLATION)
            if not self._coming:
                cut = self._server.closed and self.connection.mid_reply
                raise self._lost(Loss.CUT if cut else Loss.CLOSED if self._server.closed else Loss.TIMEOUT)
            piece, self._coming = self._coming[: self._piece], self._coming[self._piece :]
            with suppress(ProtocolViolation):
                self.connection.receive(piece)
        return reply

    def _lost(self, loss: Loss) -> Lost:
        return Lost(loss, str(loss), held_back=self._outbox.held_back)


class ClientAndServer(RuleBasedStateMachine):
    """Connections come and go; what is reported is held against the journal."""

    def __init__(self) -> None:
        super().__init__()
        self.journal: list[tuple[bytes, str]] = []
        self.mails = 0
        self.patch = pytest.MonkeyPatch()  # wide windows behave otherwise, and few mails are enough here
        self.player: Player | None = None
        self.link = Link("r", Extensions())

    @rule(
        keywords=st.sets(st.sampled_from(["PIPELINING", "CHUNKING", "SIZE", "LIMITS", "ENHANCEDSTATUSCODES"])),
        answers=st.lists(st.sampled_from(ANSWERS), max_size=40),
        takes=st.one_of(st.just(10**9), st.integers(0, 2000)),
        piece=st.integers(1, 60),
        window=st.integers(1, 5),
        halves=st.sampled_from([chunked.IN_HALVES, 4]),
    )
    def connect(self, keywords: set[str], answers: list[str], takes: int, piece: int, window: int, halves: int) -> None:
        """A new connection to a server of some kind."""
        self.patch.setattr(chunked, "IN_HALVES", halves)
        offered = Extensions("r", {keyword: "RCPTMAX=2" if keyword == "LIMITS" else "" for keyword in keywords})
        coded = "ENHANCEDSTATUSCODES" in keywords
        self.player = Player(ModelServer(iter(answers), self.journal, coded=coded), takes, piece)
        self.link = Link("r", offered, window=window)

    @rule(
        keywords=st.sets(st.sampled_from(["PIPELINING", "CHUNKING", "SIZE", "LIMITS"])),
        answers=st.lists(st.sampled_from(ANSWERS), max_size=40),
        takes=st.one_of(st.just(10**9), st.integers(0, 2000)),
        piece=st.integers(1, 60),
    )
    def connect_by_lmtp(self, keywords: set[str], answers: list[str], takes: int, piece: int) -> None:
        """LMTP has a final reply for each recipient."""
        offered = Extensions("r", {keyword: "RCPTMAX=2" if keyword == "LIMITS" else "" for keyword in keywords})
        self.player = Player(ModelServer(iter(answers), self.journal, lmtp=True), takes, piece)
        self.link = Link("r", offered, lmtp=True)

    @rule(
        keywords=st.sets(st.sampled_from(["PIPELINING", "CHUNKING"])),
        before=st.integers(0, 12),
        shift=st.sampled_from(SHIFTS),
        piece=st.integers(1, 200),
        window=st.integers(1, 5),
        halves=st.sampled_from([chunked.IN_HALVES, 4]),
    )
    def connect_to_one_that_loses_count(
        self, keywords: set[str], before: int, shift: str, piece: int, window: int, halves: int
    ) -> None:
        """A reply too many or too few, once. With codes in a window; without them a window is nobody's default."""
        self.patch.setattr(chunked, "IN_HALVES", halves)
        coded = window > 1
        offered = Extensions("r", dict.fromkeys({*keywords, *(["ENHANCEDSTATUSCODES"] if coded else [])}, ""))
        answers = iter(["ok"] * before + [shift])
        self.player = Player(ModelServer(answers, self.journal, coded=coded), 10**9, piece)
        self.link = Link("r", offered, window=window)

    def teardown(self) -> None:
        self.patch.undo()

    @precondition(lambda self: self.player is not None and not (self.link.doubt or self.player.connection.dead))
    @rule(
        sizes=st.lists(
            st.tuples(st.integers(1, 4), st.sampled_from([b"", b".x\r\n", b"..\r\n", b"no end"])), max_size=6
        )
    )
    def hand_over(self, sizes: list[tuple[int, bytes]]) -> None:
        """Some mails at once."""
        mails = []
        for count, tail in sizes:
            self.mails += 1
            paths = tuple(f"r{number}@m{self.mails}" for number in range(count))
            mails.append(MailObject(Envelope("s@x", paths), b"%d\r\n%b" % (self.mails, tail)))
        assert self.player is not None
        decided = list(self.player.play(mails, self.link))
        assert sorted(one.position for one in decided) == list(range(len(mails)))
        for one in decided:
            self.hold_against_the_journal(one)
        if self.link.doubt is None and not self.player.connection.dead:  # a reply too many behind the last mail ends it
            assert self.player.connection.quiet

    def hold_against_the_journal(self, one: Delivery) -> None:
        """What is said of each recipient is so."""
        assert set(one.recipients) == set(one.mail.envelope.forward_paths)
        for path, outcome in one.recipients.items():
            count = sum(1 for _, recipient in self.journal if recipient == path)
            if outcome.state is RecipientState.ACCEPTED:
                assert count == 1
            elif outcome.state is RecipientState.UNKNOWN:
                assert one.terminator_sent
                assert count <= 1
            else:
                assert count == 0

    @invariant()
    def nobody_got_another_ones_mail(self) -> None:
        for body, recipient in self.journal:
            assert recipient.endswith(f"@m{body.splitlines()[0].decode()}")


ClientAndServer.TestCase.settings = driven(600, steps=12)
TestClientAndServer = ClientAndServer.TestCase
