"""Mails over one connection: what goes when, so that round trips are few and every reply has its owner.

Three ways, by what the server offers:

- `lock_step`: a command, its reply, the next command.
- `pipelined` (RFC 2920): MAIL, every RCPT and DATA in one flight, and the next mail's envelope behind the terminator.
- `Chunked` (RFC 3030): envelope and message in one flight; with a window, many mails at once. Where nobody has asked for a
  window, the server's replies must have enhanced status codes (RFC 2034), by which they can be told apart.

Failure, mail by mail: while a mail's terminator has not been written whole it is surely not delivered, and a fault
says why. Once it has, its own final reply alone decides; where that does not come whole the mail is unknown, and nothing
here sends it again (RFC 1047). Within a window that holds for each mail by itself: those whose final reply came before a
loss are decided by it, those behind are unknown, those not written yet are deferred.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Generator
from itertools import islice

from notifier.errors import Phase
from notifier.model.octets import whole
from notifier.protocol import taxonomy
from notifier.protocol.chunked import Chunked
from notifier.protocol.delivery import Delivery
from notifier.protocol.dialogue import Commit, Lost, Send, SendBody, SendLines, SendWhole, Step
from notifier.protocol.link import Link
from notifier.protocol.reading import (
    AWAIT_FINAL,
    AWAIT_MAIL,
    DATA,
    DOT,
    FLUSH,
    Answer,
    Steps,
    envelope_in_lock_step,
    go_ahead,
    lone_dot,
    lost,
    read_envelope,
    read_final,
)
from notifier.protocol.reply import Reply
from notifier.protocol.transaction import Transaction
from notifier.protocol.transactions import Taken, Transactions
from notifier.protocol.transparency import BLOCK, framed

BODY, FINAL_REPLY = Phase.BODY, Phase.FINAL_REPLY  # to look a member of an enum up costs as much as a call
Plain = Generator["Step | Delivery | Taken", Reply, "tuple[Transaction, Transaction | None, Lost | None]"]
Next = Generator["Step | Delivery | Taken", Reply, "Transaction | None"]


def sending(transactions: Transactions, link: Link, *, binary: bool = False) -> Steps:
    """Hand the mails over; yields each one's `Delivery` between the steps, as soon as it is decided, or `Taken` for many.

    The transactions are those of `transactions_for`; ``binary``: for some of them only BDAT will do. Mails behind a connection that failed are deferred, with nothing
    handed over (row M0). What the owner raises at a `Commit` passes through, once what is in flight is decided.
    """
    queue = Queue(transactions, link)
    if _by_chunks(link, binary=binary):
        return by_chunks(queue, link)
    return pipelined(queue, link) if "PIPELINING" in link.offered else lock_step(queue)


def _by_chunks(link: Link, *, binary: bool) -> bool:
    """BDAT in one flight needs replies that can be told apart, or a window that somebody has asked for.

    Where neither is so, DATA costs no more round trips, and its 354 shows that replies are in step.
    """
    if "CHUNKING" not in link.offered or link.lmtp:
        return False
    return binary or link.window > 1 or link.enhanced or "PIPELINING" not in link.offered


class Queue:
    """The transactions that are still to come."""

    def __init__(self, transactions: Transactions, link: Link) -> None:
        self._link = link
        self.coming = transactions
        self._waiting: deque[Transaction] = deque()  # put back, or looked at

    @property
    def empty(self) -> bool:
        """True where none is left."""
        return not self._waiting and self.coming.over

    def look_ahead(self) -> None:
        """Make the next one now, while the server works at another."""
        if not self._waiting and (one := next(self.coming, None)) is not None:
            self._waiting.append(one)

    def at_hand(self) -> Transaction | None:
        """The next one, where it was looked at already and the server can take it."""
        waiting, link = self._waiting, self._link
        if not waiting or waiting[0].unfit is not None or link.doubt is not None or link.carried >= link.mail_max:
            return None
        return waiting.popleft()

    def positions(self, most: int, size: int) -> range:
        """Of the next ones, up to ``most``, where they are all plain and have up to ``size`` octets; else none."""
        if self._waiting:
            return range(0)
        return self.coming.give_many(min(most, self._link.mail_max - self._link.carried), size)

    @property
    def has_plain_ones(self) -> bool:
        """True where each mail is plain, and goes in one piece."""
        return not self._link.lmtp and self.coming.are_plain(BLOCK)

    def position(self) -> int | None:
        """Of the next one, where the server can take it. For whoever `has_plain_ones`, and has just been told to go on."""
        link = self._link
        if link.carried >= link.mail_max or link.reset_first:
            return None
        if self._waiting:
            return self._waiting.popleft().delivery.position
        return self.coming.give()

    def small_ones(self, most: int, size: int) -> list[Transaction]:
        """The next ones, up to ``most``, as far as the server can take each, and it has up to ``size`` octets."""
        waiting, link = self._waiting, self._link
        waiting.extend(islice(self.coming, max(0, most - len(waiting))))
        found: list[Transaction] = []
        for one in islice(waiting, min(most, link.mail_max - link.carried)):
            if one.unfit is not None or len(one.delivery.mail.data) > size:
                break
            found.append(one)
        for _ in found:
            waiting.popleft()
        return found

    def next_fit(self) -> Next:
        """The next one that the server can take; those that it cannot are decided on the way."""
        while self._link.takes_more and not self.empty:
            self.look_ahead()
            one = self._waiting.popleft()
            if one.unfit is None:
                return one
            one.refuse(one.unfit, everybody=True)
            yield one.delivery
        return None

    def over(self, one: Transaction) -> Steps:
        """``one`` has its verdicts. Its mail is decided, unless some of its recipients go in a further transaction."""
        if not one.continued and not self.continue_(one):
            yield one.delivery

    def continue_(self, one: Transaction) -> bool:
        """True where ``one`` goes on in a further transaction, which is the next (law 12)."""
        if (further := one.further()) is not None:
            self._waiting.appendleft(further)
        return one.continued

    def put_back(self, one: Transaction | None) -> None:
        """Nothing of it was handed over."""
        if one is not None:
            self._waiting.appendleft(one)

    def give_up(self) -> Steps:
        """The connection has ended: those that are left are deferred."""
        words = f"the connection had ended with an earlier mail: {self._link.doubt or 'it takes no more (MAILMAX)'}"
        while not self.empty:
            self.look_ahead()
            one = self._waiting.popleft()
            one.refuse(taxonomy.fault("M0", Phase.MAIL, words, host=self._link.host), everybody=True)
            yield one.delivery


def by_chunks(queue: Queue, link: Link) -> Steps:
    """See `Chunked`."""
    yield from Chunked(queue, link).steps()
    yield from queue.give_up()


def lock_step(queue: Queue) -> Steps:
    """A command, its reply, the next command."""
    while (one := (yield from queue.next_fit())) is not None:
        try:
            if (yield from envelope_in_lock_step(one)):
                yield SendLines(DATA, 1)
                if (yield from go_ahead(one)):
                    yield from _message(one)
                    yield from read_final(one)
        except Lost as failure:
            lost(one, failure)
        yield from queue.over(one)
    yield from queue.give_up()


def pipelined(queue: Queue, link: Link) -> Steps:
    """One flight: a message with its terminator, and the next mail's envelope.

    A mail is decided when the replies to the envelope behind it are there too: were its own final reply missing, that
    envelope's would have moved up, and its 354 would stand where it does not belong.
    """
    before: Transaction | None = None  # has its final reply
    following: Transaction | None = None  # its envelope has gone
    while (one := following if following is not None else (yield from queue.next_fit())) is not None:
        begun, following = following is not None, None
        try:
            if (yield from _welcomed(queue, link, one, before, begun=begun)):
                if queue.has_plain_ones:
                    one, following, failure = yield from _plain_ones(queue, link, one)
                    if failure is not None:
                        raise failure
                if following is None:
                    queue.continue_(one)  # known now: its rest comes first
                    following = queue.at_hand() or (yield from queue.next_fit())
                    yield from _message(one, following)
                    queue.look_ahead()
                    if following is not None:
                        _prepare(following)
                yield from read_final(one, followed=following is not None)
        except Lost as failure:
            lost(one, failure)
        before = one if following is not None and link.doubt is None else None
        if before is None:
            yield from queue.over(one)
            queue.put_back(following)
            following = None
    yield from queue.give_up()


def _welcomed(queue: Queue, link: Link, one: Transaction, before: Transaction | None, *, begun: bool) -> Answer:
    """The envelope where it has not gone yet, and the replies to it; true where the message may go."""
    if not begun:
        yield SendLines(one.begin() + DATA, one.owed + 1)
        yield FLUSH
        _prepare(one)
        if not (one.resets or link.replies):  # mostly all of them come at once
            link.replies.appendleft((yield AWAIT_MAIL))
    if not one.taken_as_asked():
        return (yield from _envelope(queue, one, before))
    if before is not None and not before.continued:
        yield before.delivery
    return True


def _plain_ones(queue: Queue, link: Link, one: Transaction) -> Plain:
    """Plain mails, as long as there is one behind and each reply is the one that is wished for; only where that ends, they have
    transactions. The envelope of ``one`` is taken.

    Returns the mail that is neither sent nor decided, or has gone and wants a closer look; then also the one whose envelope has gone
    behind it, and what has been lost.
    """
    if (behind := queue.position()) is None:
        return one, None, None
    coming, replies = queue.coming, link.replies
    position, welcome, phase = one.delivery.position, one.welcomes[0], BODY
    octets = one.framed or coming.framed(position)  # of the mail there, and of the one behind once that has gone
    failure = None
    try:
        while behind is not None:
            phase = BODY
            yield Commit((position,))
            phase = FINAL_REPLY
            link.carried += 1
            yield SendWhole(((b"", octets),), 4, True, coming.envelope(behind) + DATA)
            octets = coming.framed(behind)
            final = replies.popleft() if replies else (yield AWAIT_FINAL)
            if not (final.code == 250 and _as_asked(replies)):
                replies.appendleft(final)
                break
            replies.popleft()
            yield coming.delivered(position, welcome, final)
            position, welcome, behind = behind, replies.popleft(), queue.position()
            replies.popleft()
    except Lost as error:
        failure = error.with_traceback(None)  # which has this frame, and with it all the mails, in a circle
    one = coming.welcomed(position, welcome)
    if behind is None:
        one.framed = octets
        return one, None, None
    one.phase = phase
    return one, coming.begun(behind), failure


def _as_asked(replies: deque[Reply]) -> bool:
    """`Transaction.taken_as_asked` says the same of one mail's envelope, with however many recipients."""
    return len(replies) > 2 and replies[0].code == replies[1].code == 250 and replies[2].code == 354


def _envelope(queue: Queue, one: Transaction, before: Transaction | None) -> Answer:
    """The envelope's replies, and that to DATA, with what they mean for the mail before; true where the message goes."""
    try:
        yield from read_envelope(one)
        go = one.link.doubt is None and (yield from go_ahead(one))
    except Lost:
        yield from _decided(queue, before, one, in_step=False)
        raise
    yield from _decided(queue, before, one, in_step=go)
    if go and not one.accepted:
        yield from lone_dot(one)
    return go and bool(one.accepted)


def _decided(queue: Queue, before: Transaction | None, one: Transaction, *, in_step: bool) -> Steps:
    """``in_step``: the 354 stands where it belongs."""
    if before is not None:
        if one.shifted or (not in_step and one.link.out_of_step()):
            before.in_doubt("replies are out of step")
        yield from queue.over(before)


def _prepare(one: Transaction) -> None:
    """Work that can be done while the server does its own."""
    if not one.framed and len(data := one.delivery.mail.data) <= BLOCK:
        one.framed = framed(whole(data))


def _message(one: Transaction, following: Transaction | None = None) -> Steps:
    """The word that the terminator comes next, the message with it, and the envelope of the mail behind."""
    delivery = one.delivery
    one.phase = BODY
    if not one.framed and len(delivery.mail.data) > BLOCK:
        yield SendBody(delivery.mail.data, len(one.accepted) if one.link.lmtp else 1)
        yield Commit.of((delivery,))
        one.phase = FINAL_REPLY
        yield Send((DOT,))
        if following is not None:
            yield SendLines(following.begin() + DATA, following.owed + 1)
        yield FLUSH
    else:
        yield Commit.of((delivery,))
        one.phase = FINAL_REPLY
        yield _whole(one, following)


def _whole(one: Transaction, following: Transaction | None) -> SendWhole:
    if not one.framed:
        _prepare(one)
    mails, one.framed = ((b"", one.framed),), b""
    replies = len(one.accepted) if one.link.lmtp else 1
    if following is None:
        return SendWhole(mails, replies, True)
    behind = following.begin() + DATA
    return SendWhole(mails, replies + following.owed + 1, True, behind)
