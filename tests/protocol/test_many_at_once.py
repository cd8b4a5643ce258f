"""What is looked at many at once comes to what a look at each would: whatever the server says, cut at any octet."""

from __future__ import annotations

import re
from collections.abc import Callable
from contextlib import ExitStack, suppress
from typing import Any, cast
from unittest.mock import patch

import pytest
from driven import driven
from hypothesis import given
from hypothesis import strategies as st
from transcripts import JOINED, Scripted, told

from notifier.model.envelope import Envelope, MailObject
from notifier.model.octets import Streamed
from notifier.model.parameters import MailParameters
from notifier.protocol import commands, reply, transactions
from notifier.protocol.chunked import Chunked
from notifier.protocol.commands import Mail, Rcpt, are_plain_paths, plain_envelope
from notifier.protocol.dialogue import Loss, Lost
from notifier.protocol.extensions import Extensions
from notifier.protocol.link import Link
from notifier.protocol.reply import ReplyParser
from notifier.protocol.sending import Queue
from notifier.protocol.transaction import Transaction
from notifier.protocol.transactions import Transactions, transactions_for
from notifier.protocol.transparency import BLOCK, check_line_ends, surely_lines

PLAIN = Extensions("relay", {"PIPELINING": "", "CHUNKING": ""})
CODED = Extensions("relay", {**PLAIN.keywords, "ENHANCEDSTATUSCODES": "", "SIZE": "1000"})
BY_DATA = Extensions("relay", {"PIPELINING": ""})
RESET, MAIL, RCPT, KEPT = b"250 2.0.0 Ok", b"250 2.1.0 Ok", b"250 2.1.5 Ok", b"250 2.0.0 Ok: queued"
GO = b"354 go"
ODD = [
    *(
        RESET,
        MAIL,
        RCPT,
        KEPT,
        b"250",
        b"250 odd",
        b"251 2.1.5 forwarded",
        b"354 go",
        b"421 4.3.2 bye",
        b"221 bye",
        b"",
    ),
    *(b"452 4.5.3 too many", b"550 5.1.1 no", b"503 5.5.1 order", b"250-2.1.5 more", b"what?", b"2_5", b"250 x\r"),
]


class _Refused(Exception):
    """A mail must not be handed over."""


@st.composite
def servers_words(draw: st.DrawFn, mails: int) -> list[bytes]:
    """Good replies to so many mails, with a line changed, left out or put in here and there; in pieces."""
    lines = [RESET, MAIL, RCPT, KEPT] * mails
    del lines[0]
    for _ in range(draw(st.integers(0, 3))):
        at = draw(st.integers(0, len(lines)))
        lines[at : at + draw(st.integers(0, 1))] = draw(st.lists(st.sampled_from(ODD), max_size=1))
    octets = b"".join(line + b"\r\n" for line in lines)
    borders = sorted(draw(st.sets(st.integers(0, len(octets)), max_size=6)))
    cuts = zip([0, *borders], [*borders, len(octets)], strict=True)
    return [octets[start:end] for start, end in cuts if start < end]


def _mail(recipients: int) -> MailObject:
    return MailObject(Envelope("s@x", tuple(f"r{number}@x" for number in range(recipients))), b"x\r\n")


def _played(
    pieces: list[bytes],
    mails: list[MailObject],
    link: Link,
    ending: Loss = Loss.CLOSED,
    at_commit: Callable[[tuple[int, ...]], None] | None = None,
) -> object:
    scripted = Scripted(iter(pieces), ending, at_commit)
    with suppress(_Refused):
        scripted.send(mails, link)
    in_order = [(one.position, one.reply, one.recipients) for one in scripted.decided]
    return told(scripted), scripted.wire.flights, scripted.wire.commits, in_order, link.doubt, link.carried


def _one_by_one() -> ExitStack:
    """Each mail has a transaction, and no replies are taken together."""
    stack = ExitStack()
    stack.enter_context(patch.object(Chunked, "_take_good_ones", lambda _: iter(())))
    stack.enter_context(patch.object(Queue, "positions", lambda *_: range(0)))
    stack.enter_context(patch.object(Queue, "has_plain_ones", False))
    return stack


@driven(300, steps=1)
@given(st.data(), st.sampled_from([PLAIN, CODED]), st.sampled_from([1, 2, 4, 6, 16, 64]), st.booleans())
def test_replies_taken_together_decide_what_they_decide_one_by_one(
    data: st.DataObject, offered: Extensions, window: int, several: bool
) -> None:
    count = data.draw(st.integers(1, 12))
    mails = [_mail(data.draw(st.integers(1, 2)) if several else 1) for _ in range(count)]
    pieces = data.draw(servers_words(count))
    together = _played(pieces, mails, Link("r", offered, window=window))
    with _one_by_one():
        assert _played(pieces, mails, Link("r", offered, window=window)) == together


@pytest.mark.long
@pytest.mark.parametrize("offered", [PLAIN, CODED], ids=["without codes", "with codes"])
@pytest.mark.parametrize("left_out", [0, 1])
@pytest.mark.parametrize("put_in", [[], *([odd] for odd in ODD)])
def test_so_they_do_with_one_reply_changed_anywhere(offered: Extensions, left_out: int, put_in: list[bytes]) -> None:
    """All in one piece, so that as many as can be are taken together."""
    mails, good = [_mail(1)] * 5, [MAIL, RCPT, KEPT, *[RESET, MAIL, RCPT, KEPT] * 4]
    for at in range(len(good)):
        lines = [*good[:at], *put_in, *good[at + left_out :]]
        said = b"".join(line + b"\r\n" for line in lines)
        together = _played([said], mails, Link("r", offered, window=5))
        with _one_by_one():
            assert _played([said], mails, Link("r", offered, window=5)) == together


@pytest.mark.long
@pytest.mark.parametrize(("offered", "one"), [(BY_DATA, [MAIL, RCPT, GO, KEPT]), (CODED, [MAIL, RCPT, KEPT])])
@pytest.mark.parametrize("ending", [Loss.CLOSED, Loss.TIMEOUT])
@pytest.mark.parametrize("left_out", [0, 1])
@pytest.mark.parametrize("put_in", [[], *([odd] for odd in ODD)])
def test_plain_mails_one_by_one_come_to_what_those_with_transactions_come_to(
    offered: Extensions, one: list[bytes], left_out: int, put_in: list[bytes], ending: Loss
) -> None:
    """With one reply changed anywhere, in lines, and joined as far as they are owed."""
    good = one * 4
    for at in range(len(good) + 1):
        lines = [line + b"\r\n" for line in [*good[:at], *put_in, *good[at + left_out :]]]
        for pieces in (lines, [JOINED, *lines]):
            plain = _played(pieces, [_mail(1)] * 4, Link("r", offered), ending)
            with _one_by_one():
                assert _played(pieces, [_mail(1)] * 4, Link("r", offered), ending) == plain


@pytest.mark.parametrize(
    ("offered", "window", "said"),
    [
        (BY_DATA, 1, [MAIL, RCPT, GO, KEPT] * 6),
        (CODED, 1, [MAIL, RCPT, KEPT] * 6),
        (PLAIN, 4, [MAIL, RCPT, KEPT, *[RESET, MAIL, RCPT, KEPT] * 5]),
    ],
    ids=["DATA", "BDAT", "window"],
)
@pytest.mark.parametrize("error", [Lost(Loss.TOO_LATE, "too late"), _Refused()], ids=["too late", "refused"])
@pytest.mark.parametrize("at", range(6))
def test_so_they_do_where_one_may_not_be_handed_over(
    offered: Extensions, window: int, said: list[bytes], error: Exception, at: int
) -> None:
    lines = [line + b"\r\n" for line in said]

    def refuse(positions: tuple[int, ...]) -> None:
        if at in positions:
            raise error

    mails = [_mail(1)] * 6
    plain = _played([JOINED, *lines], mails, Link("r", offered, window=window), at_commit=refuse)
    with _one_by_one():
        assert _played([JOINED, *lines], mails, Link("r", offered, window=window), at_commit=refuse) == plain


@pytest.mark.parametrize(
    ("offered", "one", "transactions"), [(BY_DATA, [MAIL, RCPT, GO, KEPT], 2), (CODED, [MAIL, RCPT, KEPT], 0)]
)
def test_plain_mails_have_no_transaction_of_their_own(offered: Extensions, one: list[bytes], transactions: int) -> None:
    """But for the first by DATA, and the last: else the equality above would hold for nothing."""
    lines = [line + b"\r\n" for line in one * 8]
    made: list[object] = []
    first_of = Transactions.first_of
    with patch.object(Transactions, "first_of", lambda *said: (made.append(said), first_of(*said))[1]):
        _played([JOINED, *lines], [_mail(1)] * 8, Link("r", offered))
    assert len(made) == transactions


def test_a_window_of_good_replies_is_taken_together() -> None:
    """Else the property above would hold for nothing."""
    mails = [_mail(1)] * 8
    good = b"".join(line + b"\r\n" for line in [RESET, MAIL, RCPT, KEPT] * 8)[len(RESET) + 2 :]
    scripted = Scripted(iter([good]), Loss.CLOSED)
    scripted.send(mails, Link("r", CODED, window=8))
    assert scripted.taken == 6, "the first has no RSET before it, and the last nothing behind it"


def test_so_it_is_of_mails_that_have_transactions_and_are_alike() -> None:
    """One that goes to two makes the whole call go the general way."""
    mails = [*[_mail(1)] * 7, _mail(2)]
    lines = [
        line + b"\r\n" for line in [MAIL, RCPT, KEPT, *[RESET, MAIL, RCPT, KEPT] * 6, RESET, MAIL, RCPT, RCPT, KEPT]
    ]
    taken: list[object] = []
    accept = Transaction.accept
    with patch.object(Transaction, "accept", lambda *said: (taken.append(said), accept(*said))[1]):
        scripted = Scripted(iter([b"".join(lines)]), Loss.CLOSED)
        scripted.send(mails, Link("r", CODED, window=8))
    assert (len(taken), scripted.taken, len(scripted.decided)) == (6, 0, 8)


@driven(300, steps=1)
@given(servers_words(6))
def test_replies_known_by_heart_are_those_that_are_parsed(pieces: list[bytes]) -> None:
    parser, known = ReplyParser(), ReplyParser()
    known.feed(b"".join(line + b"\r\n" for line in (RESET, MAIL, RCPT, KEPT, b"354 go")))
    with patch.object(reply, "MAX_SEEN", 0):
        for piece in pieces:
            assert known.feed(piece) == parser.feed(piece)
            assert (known.pending, known.violation) == (parser.pending, parser.violation)


OFFERS = st.sampled_from(
    [
        b"250-relay\r\n250 SIZE 100\r\n",
        b"250-relay\r\n250-SIZE\r\n250 DSN\r\n",
        b"250-relay\r\n250 SIZE\r\n250 ok\r\n",
        b"250-relay\r\n251 SIZE\r\n",
        b"250-relay\n250 SIZE\r\n",
        b"250-relay\r\n",
        b"250 ok\r\n",
        b"25",
        b"250-" + b"x" * 5000 + b"\r\n250 x\r\n",
    ]
)


@driven(300, steps=1)
@given(st.lists(OFFERS, max_size=4))
def test_what_other_parsers_have_heard_is_what_this_one_would_find(pieces: list[bytes]) -> None:
    parser, known = ReplyParser(by_heart=False), ReplyParser()
    for piece in pieces:
        assert known.feed(piece) == parser.feed(piece)
        assert (known.pending, known.violation) == (parser.pending, parser.violation)


PATHS = st.sampled_from(
    [
        "a@x",
        "b.c+d@y.example",
        "",
        "postmaster",
        "a@b> SIZE=1",
        "a@x\r\nDATA",
        "a@x\nb@y",
        "a@x\n",
        "a@-x",
        "a@x-.example",
        "a@xn--bcher-kva.example",
        "a..b@x",
        f"a@{'y' * 64}",
        f"{'a' * 65}@x",
        '"q q"@x',
        "é@x",
        "a@é.example",
        "a@[192.0.2.1]",
        "a@@x",
    ]
)
OCTETS = st.one_of(
    st.lists(st.sampled_from([b"\r\n", b"\r", b"\n", b".", b"x", b"\xc3\xa9", b"\0"]), max_size=5).map(b"".join),
    st.sampled_from([b"y" * BLOCK + b"\r\n", b"y" * BLOCK + b"\n", b"y" * 1000, Streamed([b"z\r\n"])]),
)
GOOD_PATHS = st.sampled_from(["a@x", "b.c+d@y.example"])
GOOD_OCTETS = st.sampled_from([b"x\r\n", b"x", b"", b"y" * 996])


@st.composite
def a_mail(draw: st.DrawFn) -> MailObject:
    """Mostly one that asks for nothing special."""
    odd = draw(st.integers(0, 9)) == 0
    paths, octets = (PATHS, OCTETS) if odd else (GOOD_PATHS, GOOD_OCTETS)
    to = draw(st.lists(paths, min_size=0 if odd else 1, max_size=2 if odd else 1))
    asked = MailParameters(ret="HDRS") if odd and draw(st.booleans()) else None
    flags = draw(st.tuples(st.booleans(), st.booleans(), st.booleans())) if odd else (False, False, False)
    sender = draw(paths if odd else st.sampled_from(["s@x", ""]))
    return MailObject(Envelope(sender, tuple(to), asked), draw(octets), *flags)


def _found(ask: Callable[[], object]) -> object:
    try:
        return ask()
    except (ValueError, KeyError) as error:
        return str(error)


@driven(500, steps=1)
@given(st.lists(a_mail(), max_size=6), st.sampled_from([PLAIN, CODED]), st.sampled_from([None, 1]))
def test_mails_checked_together_have_the_lines_and_the_faults_that_each_has(
    mails: list[MailObject], offered: Extensions, rcpt_max: int | None
) -> None:
    link = Link("r", offered)
    link.rcpt_max = rcpt_max

    def lines() -> object:
        return [(one.lines, one.unfit, one.paths, one.more) for one in transactions_for(mails, link)]

    together = _found(lines)
    with patch.object(transactions, "are_plain", lambda _: False):
        assert _found(lines) == together


@driven(1000, steps=1)
@given(st.lists(st.text("a1@.-_+\n\r <é", max_size=12) | PATHS, min_size=1, max_size=4))
def test_paths_looked_at_together_are_those_that_each_command_takes(paths: list[str]) -> None:
    if are_plain_paths([""], paths):
        for path in paths:
            assert plain_envelope("", path, None) == Mail("").encode() + Rcpt(path).encode()


def test_a_path_with_a_line_end_is_not_taken_for_two() -> None:
    assert are_plain_paths([""], ["a@x", "b@y"])
    assert not are_plain_paths([""], ["a@x\nb@y"])
    assert not are_plain_paths([""], ["a@x\n", "b@y"])


def test_no_group_is_possessive_for_some_pythons_take_that_for_something_else() -> None:
    """With Debian 12's no path was a plain one (gh-106052)."""
    assert re.search(r"\)[*+?]\+", commands._SHORT_PATHS.pattern) is None


@driven(500, steps=1)
@given(st.lists(OCTETS, max_size=6))
def test_messages_surely_have_line_ends_only_where_each_of_them_has(messages: list[bytes]) -> None:
    if surely_lines(messages):
        for one in messages:
            check_line_ends(one)


@pytest.mark.parametrize(("first", "second"), [(b"x\r", b"\ny\r\n"), (b"\n", b""), (b"", b"\r")])
def test_a_line_end_that_two_messages_make_between_them_is_none(first: bytes, second: bytes) -> None:
    assert not surely_lines([b"a\r\n", first, second, b"b\r\n"])


@pytest.mark.parametrize("octets", ["a\r\n", "a\nb", bytearray(b"a\nb"), memoryview(b"a\r\n")])
def test_what_are_no_octets_of_a_message_are_not_surely_lines(octets: object) -> None:
    assert not surely_lines([cast("Any", octets)])
