"""BDAT (RFC 3030): envelope and message in one flight, and as many mails in flight as the link's window allows."""

from __future__ import annotations

from collections import deque
from collections.abc import Generator, Iterable, Iterator, Sequence
from itertools import islice, takewhile
from typing import Any, Protocol

from notifier.errors import Phase
from notifier.model.octets import Octets, Streamed, whole
from notifier.protocol import taxonomy
from notifier.protocol.delivery import Delivery
from notifier.protocol.dialogue import Commit, Loss, Lost, SendChunk, SendLines, SendWhole, Step
from notifier.protocol.link import Link
from notifier.protocol.reading import (
    AWAIT_BODY,
    AWAIT_FINAL,
    AWAIT_MAIL,
    AWAIT_RSET,
    Answer,
    Steps,
    envelope_in_lock_step,
    read_envelope,
)
from notifier.protocol.reply import Reply
from notifier.protocol.transaction import Transaction, good_in_step, of_an_address
from notifier.protocol.transactions import Taken, Transactions

# A message up to here goes out with its envelope. A bigger one waits for the envelope's replies, so that it is not
# sent for nobody, and goes in chunks of this size, each of which the server can refuse.
CHUNK = 512 * 1024  # octets
# A window from here on goes out in two flights: the server works at one half while the other is made ready. A smaller
# one is not worth a second commit.
IN_HALVES = 16  # mails
REPLIES = 4  # to the mails of a window, where each has one recipient: RSET, MAIL, RCPT, BDAT


class Source(Protocol):
    """Where transactions come from, and where they go when they have their verdicts."""

    coming: Transactions

    @property
    def empty(self) -> bool: ...
    def positions(self, most: int, size: int) -> range: ...
    def small_ones(self, most: int, size: int) -> list[Transaction]: ...
    def next_fit(self) -> Generator[Step | Delivery | Taken, Reply, Transaction | None]: ...
    def over(self, one: Transaction) -> Steps: ...
    def put_back(self, one: Transaction) -> None: ...


class Chunked:
    """Mails in flight, oldest first: a plain one is its position until there is more to be said of it."""

    def __init__(self, queue: Source, link: Link) -> None:
        self._queue = queue
        self._link = link
        self._in_flight: deque[Transaction | int] = deque()
        self._pipelining = "PIPELINING" in link.offered
        self._in_one_flight = self._pipelining and (link.enhanced or link.window > 1)
        self._alone_next = False  # the next mail goes by itself, when the way is free
        self._failure: Lost | None = None  # nothing more can be written; replies may lie there yet

    def steps(self) -> Steps:
        """Fill the window, take the oldest mail's replies, until nothing is left."""
        while self._link.doubt is None and (self._in_flight or self._more_to_send):
            if self._has_room:
                yield from self._fill()
            yield from self._take_good()
            if self._in_flight and not self._has_room:
                yield from self._take_oldest()
        if self._failure is not None:
            self._link.doubt = self._link.doubt or self._failure.text

    @property
    def _more_to_send(self) -> bool:
        return self._failure is None and self._link.takes_more and not self._queue.empty

    @property
    def _has_room(self) -> bool:
        """True where it is worth while to send more: about half of the window is free, and there is a mail that fits in."""
        if not self._more_to_send:
            return False
        waits = self._alone_next and bool(self._in_flight)
        window = self._link.window
        # The last mail of a flight is decided by the first reply to the flight behind it (`_look_behind`). Were it
        # waited for, the two flights would take turns, and each round trip would carry one of them.
        undecided = 1 if window >= IN_HALVES else 0
        return not waits and len(self._in_flight) <= window // 2 + undecided

    # mails that go out whole ----------------------------------------------------------------------------------------

    def _fill(self) -> Steps:
        """Send the next mails behind those in flight."""
        self._alone_next = False
        window = max(1, self._link.window)
        most = window - len(self._in_flight)
        if window >= IN_HALVES:
            most = min(most, window // 2)
        if self._in_one_flight and (plain := self._queue.positions(most, CHUNK)):
            yield from self._send_plain(plain) if window > 1 else self._send_one_by_one(plain)
            return
        batch = self._queue.small_ones(most, CHUNK) if self._in_one_flight else []
        while len(batch) < most and self._link.carried + len(batch) < self._link.mail_max:
            one = yield from self._queue.next_fit()
            if one is None:
                break
            if len(one.delivery.mail.data) <= CHUNK and self._in_one_flight:
                batch.append(one)
            elif batch or self._in_flight:
                self._queue.put_back(one)
                self._alone_next = True
                break
            else:
                yield from self._send_alone(one)
        if batch:
            yield from self._send(batch)

    def _send(self, batch: list[Transaction]) -> Steps:
        if (yield from self._committed(Commit.of([one.delivery for one in batch]), batch)):
            flight = self._begin(batch)
            yield from self._write(flight, sum([one.owed for one in batch]) + len(batch))

    def _send_plain(self, positions: range) -> Steps:
        coming, link = self._queue.coming, self._link
        if (yield from self._committed(Commit(tuple(positions)), map(coming.first_of, positions))):
            flight, replies = [], len(positions) * REPLIES
            if not (link.reset_first or self._in_flight):
                flight, positions, replies = self._begin([coming.first_of(positions[0])]), positions[1:], replies - 1
            link.reset_first = False
            self._in_flight += positions
            yield from self._write(flight + coming.flight(positions), replies)

    def _send_one_by_one(self, positions: range) -> Steps:
        """Plain mails in a window of one, as long as there is one and each reply is the one that is wished for."""
        coming, link, replies = self._queue.coming, self._link, self._link.replies
        while positions and not link.reset_first:
            position, reused = positions[0], link.carried > 0
            if not (yield from self._committed(Commit((position,)), map(coming.first_of, positions))):
                return
            link.carried += 1
            failure = None
            yield from self._write([coming.in_chunks(position)], 3)
            try:
                if not (replies or self._failure is not None):
                    replies.appendleft((yield AWAIT_MAIL))
            except Lost as error:
                failure = error.with_traceback(None)
            if not self._has_good_one:
                self._in_flight.append(coming.in_flight(position, reused=reused, resets=False))
                if failure is not None:
                    yield from self._lost(failure)
                return
            replies.popleft()
            yield coming.delivered(position, replies.popleft(), replies.popleft())
            positions = self._queue.positions(1, CHUNK)
        if positions:
            yield from self._send_plain(positions)

    @property
    def _has_good_one(self) -> bool:
        """True where a plain mail has its three replies, as `Transaction.is_all_good` says it of any mail."""
        link = self._link
        if len(link.replies) < 3 or self._failure is not None or link.out_of_step():
            return False
        mail, rcpt, final = islice(link.replies, 3)
        return mail.code == rcpt.code == final.code == 250 and not (link.enhanced and of_an_address(final))

    def _committed(self, commit: Commit, batch: Iterable[Transaction]) -> Answer:
        """True where these may go."""
        try:
            yield commit
        except Lost as failure:
            yield from self._too_late(batch, failure)
            return False
        except Exception:
            while self._in_flight:  # nothing more goes out; what is in flight gets its verdict first
                yield from self._take_oldest()
            raise
        return True

    def _begin(self, batch: Sequence[Transaction]) -> list[tuple[bytes, bytes]]:
        link, flight = self._link, []
        # RSET before each with another in front of it: were that one refused half-way, its sender would be this one's.
        link.reset_first = link.reset_first or bool(self._in_flight)
        for one in batch:
            data = whole(one.delivery.mail.data)
            flight.append((b"%sBDAT %d LAST\r\n" % (one.begin(), len(data)), data))
            one.flying = link.reset_first = True
        link.reset_first = False
        self._in_flight += batch
        return flight

    def _write(self, flight: list[tuple[bytes, bytes]], replies: int) -> Steps:
        try:
            yield SendWhole(flight, replies)
        except Lost as failure:
            self._failure = failure.with_traceback(None)  # which has this frame, and with it all the mails, in a circle

    def _oldest(self) -> Transaction:
        one = self._in_flight[0]
        if isinstance(one, int):
            one = self._in_flight[0] = self._queue.coming.in_flight(one)
        return one

    def _all(self) -> list[Transaction]:
        in_flight = self._queue.coming.in_flight
        return [in_flight(one) if isinstance(one, int) else one for one in self._in_flight]

    def _too_late(self, batch: Iterable[Transaction], failure: Lost) -> Steps:
        """Nothing of these was sent, and the connection is as good as before."""
        for one in batch:
            one.refuse(taxonomy.of_loss(Phase.BODY, failure.loss, failure.text, host=self._link.host), everybody=True)
            yield one.delivery

    def _take_good(self) -> Steps:
        """The oldest mails, as long as all of their replies are there, and each is 250: what nearly all come to.

        Whatever else is `_take_oldest`'s business.
        """
        in_flight = self._in_flight
        if self._link.out_of_step():
            return
        together = True
        while in_flight:
            if together:
                together = yield from self._take_good_ones()
            one = self._oldest()
            if not one.is_all_good(followed=len(in_flight) > 1):
                return
            in_flight.popleft()
            yield one.take_all_good()

    def _take_good_ones(self) -> Answer:
        """The same, of as many at once as there are replies for, where each had RSET before it, and one recipient. False where
        one of the replies is odd.
        """
        in_flight, link = self._in_flight, self._link
        # Of the last of them the first reply behind must have come too (`_look_behind`).
        most = max(0, min(len(in_flight) - 1, (len(link.replies) - 1) // REPLIES))
        positions = _leading_positions(islice(in_flight, most))
        alike = [] if positions else _leading_alike(islice(in_flight, most))
        if not (count := len(positions) or len(alike)):
            return True
        said = list(islice(link.replies, count * REPLIES + 1))
        if not good_in_step(said, enhanced=link.enhanced):
            return False
        _drop(in_flight, count)
        _drop(link.replies, count * REPLIES)
        welcomes, finals = said[2::REPLIES], said[3::REPLIES]
        if positions:
            yield self._queue.coming.taken(positions, welcomes, finals)
        else:
            for one, welcome, final in zip(alike, welcomes, finals, strict=True):
                yield one.accept(welcome, final)
        return True

    def _take_oldest(self) -> Steps:
        one, replies = self._oldest(), self._link.replies
        failure = self._failure
        if failure is not None and len(self._in_flight) <= failure.held_back and len(replies) <= one.owed:
            # Its message was not written whole: a verdict that is there counts, and none is waited for.
            yield from self._lost(failure)
            return
        try:
            yield from read_envelope(one)
            one.phase = Phase.FINAL_REPLY
            one.last_chunk_answered(replies.popleft() if replies else (yield self._link.hurry or AWAIT_FINAL))
            yield from self._look_behind(one)
        except Lost as lost:
            yield from self._lost(lost)
            return
        self._in_flight.popleft()
        yield from self._queue.over(one)
        if self._link.closing:
            if self._link.hurry is None:
                yield from self._see_off()
        elif self._link.doubt is not None:
            yield from self._lost(Lost(Loss.CLOSED, self._link.doubt))

    def _look_behind(self, one: Transaction) -> Steps:
        """The reply behind the final one is RSET's. Where that is MAIL's, the final reply of ``one`` is missing, and what
        was read in its place was RSET's.
        """
        link = self._link
        final = one.delivery.reply
        if len(self._in_flight) < 2 or not link.enhanced or link.doubt is not None or final is None:
            return
        if not link.replies:
            link.replies.appendleft((yield AWAIT_MAIL))  # it is the next one's
        if of_an_address(link.replies[0]) and not of_an_address(final):
            one.in_doubt("its final reply is missing")

    def _see_off(self) -> Steps:
        """After a 421 some servers answer what they have read already: a mail with its own reply is not unknown."""
        self._link.hurry = AWAIT_RSET
        while self._in_flight:
            yield from self._take_oldest()

    def _lost(self, failure: Lost) -> Steps:
        """The connection is gone: each mail in flight gets what is surely known of it."""
        written = len(self._in_flight) - failure.held_back
        for number, one in enumerate(self._all()):
            if number >= written:  # whatever has left of it counts for nothing
                stuck = number == written and failure.loss is Loss.TIMEOUT
                one.phase = Phase.BODY if stuck else Phase.MAIL
            one.lost(failure, handed_over=number < written)
            yield from self._queue.over(one)
        self._in_flight.clear()

    # mails that go by themselves ------------------------------------------------------------------------------------

    def _send_alone(self, one: Transaction) -> Steps:
        """Envelope, its replies, then chunk by chunk."""
        last_sent = False
        try:
            if not (yield from self._envelope_alone(one)):
                last = None
            elif (last := (yield from self._all_but_the_last(one))) is not None:
                yield Commit.of((one.delivery,))
                last_sent = True
                yield SendChunk(last)
                one.phase = Phase.FINAL_REPLY
                one.last_chunk_answered((yield AWAIT_FINAL))
        except Lost as failure:
            one.lost(failure, handed_over=last_sent and not failure.held_back)
        yield from self._queue.over(one)

    def _envelope_alone(self, one: Transaction) -> Answer:
        if not self._pipelining:
            return (yield from envelope_in_lock_step(one))
        yield SendLines(one.begin(), one.owed)
        yield from read_envelope(one)
        if not one.accepted:
            one.broken_off()
        return bool(one.accepted) and self._link.doubt is None

    def _all_but_the_last(
        self, one: Transaction
    ) -> Generator[Step | Delivery | Taken, Reply, bytes | memoryview | None]:
        """The last chunk; None where the server takes no more of them."""
        one.phase = Phase.BODY
        chunks = _chunks(one.delivery.mail.data)
        held = next(chunks)
        for chunk in chunks:
            yield SendChunk(held, last=False)
            if not one.chunk_answered((yield AWAIT_BODY)):
                return None
            held = chunk
        return held


def _leading_positions(in_flight: Iterable[Transaction | int]) -> list[int]:
    """Of the oldest mails, as long as they are plain."""
    return list(takewhile(int.__instancecheck__, in_flight))  # type: ignore[arg-type]  # the checker does not know what it tells apart


def _leading_alike(in_flight: Iterable[Transaction | int]) -> list[Transaction]:
    """The oldest mails, as long as each owes as many replies as a plain one."""
    found = []
    for one in in_flight:
        if isinstance(one, int) or not one.alike:
            break
        found.append(one)
    return found


def _drop(queue: deque[Any], count: int) -> None:
    """The oldest so many, which may be nearly all."""
    left = list(islice(queue, count, None))
    queue.clear()
    queue.extend(left)


def _chunks(data: Octets) -> Iterator[bytes | memoryview]:
    """One at least."""
    if isinstance(data, Streamed):
        return data.blocks(CHUNK)
    view = memoryview(data)
    return (view[start : start + CHUNK] for start in range(0, max(1, len(view)), CHUNK))
