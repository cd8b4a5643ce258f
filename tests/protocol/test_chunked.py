"""BDAT: many mails in flight, at every split of what the server says, and lost at every place."""

from __future__ import annotations

from copy import copy

import pytest
from transcripts import Scripted, at_every_split, splits, told

from notifier.model.envelope import Envelope, MailObject
from notifier.protocol.chunked import CHUNK
from notifier.protocol.delivery import Delivery
from notifier.protocol.dialogue import Loss, Lost
from notifier.protocol.extensions import Extensions
from notifier.protocol.link import Link

PLAIN_CODES = Extensions("relay", {"PIPELINING": "", "CHUNKING": "", "8BITMIME": "", "BINARYMIME": ""})
CHUNKING = Extensions("relay", {**PLAIN_CODES.keywords, "ENHANCEDSTATUSCODES": ""})
LOCK_STEP = Extensions("relay", {"CHUNKING": ""})
BODY = b"Subject: hi\r\n\r\n.dot"  # dots are not stuffed, and no CRLF is added
FIRST = b"250 m\r\n250 r\r\n250 kept\r\n"
BEHIND = b"250 reset\r\n" + FIRST


def mail(*recipients: str, data: bytes = BODY, binary: bool = False) -> MailObject:
    return MailObject(Envelope("s@x", recipients or ("a@x",)), data, binary=binary)


def play(
    pieces: list[bytes],
    mails: list[MailObject],
    link: Link,
    ending: Loss = Loss.CLOSED,
    at_commit=None,
    *,
    as_it_is: bool = False,
) -> Scripted:
    """At every split of what the pieces are joined; ``as_it_is``: what goes out depends on what has come by then."""

    def run(pieces: list[bytes]) -> object:
        scripted = Scripted(iter(pieces), ending, at_commit)
        scripted.send(mails, copy(link))
        return told(scripted)

    if at_commit is None and not as_it_is:
        at_every_split(b"".join(pieces), run)
    scripted = Scripted(iter(pieces), ending, at_commit)
    scripted.send(mails, link)
    return scripted


def lines(server: bytes) -> list[bytes]:
    return server.splitlines(keepends=True)


def rows(scripted: Scripted) -> list[dict[str, str | None]]:
    return [_rows(one) for one in scripted.decided]


def _rows(one: Delivery) -> dict[str, str | None]:
    return {path: outcome.fault.taxonomy_id if outcome.fault else None for path, outcome in one.recipients.items()}


def test_law_9_envelope_and_message_are_one_flight() -> None:
    for pieces in splits(FIRST):
        scripted = play(pieces, [mail()], Link("r", CHUNKING))
        assert scripted.wire.flights == [b"MAIL FROM:<s@x>\r\nRCPT TO:<a@x>\r\nBDAT 19 LAST\r\n" + BODY]
        assert rows(scripted) == [{"a@x": None}]
        assert scripted.connection.quiet


def test_law_9_without_a_window_a_mail_waits_for_the_one_before() -> None:
    scripted = play(lines(FIRST * 3), [mail()] * 3, Link("r", CHUNKING))
    assert len(scripted.wire.flights) == 3
    assert scripted.wire.commits == [(0,), (1,), (2,)]
    assert b"RSET" not in scripted.wire.sent


def test_law_9_a_window_is_one_flight_and_one_commit_and_every_reply_has_its_mail() -> None:
    server = FIRST + b"250 reset\r\n250 m\r\n550 5.1.1 no\r\n554 nobody\r\n" + BEHIND
    for pieces in splits(server):
        scripted = play(pieces, [mail("a@x"), mail("b@x"), mail("c@x")], Link("r", CHUNKING, window=3))
        assert len(scripted.wire.flights) == 1
        assert scripted.wire.commits == [(0, 1, 2)]
        assert rows(scripted) == [{"a@x": None}, {"b@x": "R7"}, {"c@x": None}]
        assert scripted.connection.quiet


def test_law_9_in_a_window_each_mail_is_divided_from_the_one_before_by_rset() -> None:
    """Were MAIL of the first alone accepted, the second's recipients would join it."""
    scripted = play(lines(FIRST + BEHIND), [mail("a@x"), mail("b@x")], Link("r", CHUNKING, window=2))
    assert scripted.wire.sent.count(b"RSET\r\nMAIL FROM") == 1
    assert not scripted.wire.sent.startswith(b"RSET")


def test_law_9_the_window_is_filled_again_when_half_of_it_is_free() -> None:
    scripted = play(lines(FIRST + BEHIND * 7), [mail()] * 8, Link("r", CHUNKING, window=4), as_it_is=True)
    assert scripted.wire.commits == [(0, 1, 2, 3), (4, 5), (6, 7)]
    assert rows(scripted) == [{"a@x": None}] * 8


def test_law_9_a_wide_window_goes_out_in_halves() -> None:
    scripted = play(lines(FIRST + BEHIND * 63), [mail()] * 64, Link("r", CHUNKING, window=32), as_it_is=True)
    assert [len(flight) for flight in scripted.wire.commits] == [16, 16, 15, 15, 2]
    assert [position for flight in scripted.wire.commits for position in flight] == list(range(64))
    assert rows(scripted) == [{"a@x": None}] * 64


def test_law_9_the_next_half_goes_when_the_replies_to_the_first_are_there_and_does_not_wait_for_the_second() -> None:
    """What is behind its last mail may tell that its final reply is missing; at a long round trip that is one more."""
    first_half = FIRST + BEHIND * 15
    scripted = play([first_half], [mail()] * 64, Link("r", CHUNKING, window=32), as_it_is=True)
    assert [len(flight) for flight in scripted.wire.commits] == [16, 16, 15]


@pytest.mark.parametrize("count", range(12))
def test_law_9_a_mail_whose_final_reply_is_missing_is_unknown_and_the_others_are_not(count: int) -> None:
    server = lines(FIRST + BEHIND + BEHIND)
    scripted = play(server[:count], [mail("a@x"), mail("b@x"), mail("c@x")], Link("r", CHUNKING, window=3))
    known = sum(1 for end in (3, 7, 11) if count >= end)
    found = [row for one in rows(scripted) for row in one.values()]
    assert found == [None] * known + ["Z5"] * (3 - known)
    assert all(one.terminator_sent for one in scripted.decided)


def test_law_9_mails_that_were_not_written_whole_are_not_unknown() -> None:
    class HalfWritten(Scripted):
        def _reply(self, phase):
            try:
                return super()._reply(phase)
            except Lost as lost:
                raise Lost(lost.loss, lost.text, held_back=2) from None

    scripted = HalfWritten(iter(lines(FIRST)), Loss.CLOSED)
    scripted.send([mail(f"{n}@x") for n in range(5)], Link("r", CHUNKING, window=4))
    assert [list(one.values()) for one in rows(scripted)] == [[None], ["Z5"], ["M0"], ["M0"], ["M0"]]
    assert [one.terminator_sent for one in scripted.decided] == [True, True, False, False, False]


def test_law_3_421_in_a_window_says_so_and_those_behind_are_unknown() -> None:
    scripted = play(lines(FIRST + b"250 reset\r\n421 enough\r\n"), [mail()] * 4, Link("r", CHUNKING, window=3))
    assert [list(one.values()) for one in rows(scripted)] == [[None], ["M0"], ["Z5"], ["M0"]]


def test_law_3_behind_a_421_any_number_of_mails_has_its_reply() -> None:
    answered = b"250 reset\r\n421 enough\r\n503 x\r\n503 x\r\n"
    scripted = play([FIRST + answered * 1499], [mail()] * 1500, Link("r", CHUNKING, window=1500), as_it_is=True)
    assert [row for one in rows(scripted) for row in one.values()] == [None] + ["M0"] * 1499


def test_law_9_a_big_mail_counts_for_the_servers_mailmax_too() -> None:
    two = Extensions("relay", {**CHUNKING.keywords, "LIMITS": "MAILMAX=2"})
    mails = [mail(data=b"x" * (2 * CHUNK)), mail(), mail()]
    pieces = lines(b"250 m\r\n250 r\r\n250 chunk\r\n250 kept\r\n" + BEHIND)
    scripted = play(pieces, mails, Link("r", two, window=4), as_it_is=True)
    assert [list(one.values()) for one in rows(scripted)] == [[None], [None], ["M0"]]
    assert scripted.wire.sent.count(b"MAIL FROM") == 2


def test_law_3_after_a_421_a_mail_with_its_own_reply_is_not_unknown() -> None:
    answered = b"250 reset\r\n421 enough\r\n503 x\r\n503 x\r\n"
    scripted = play(lines(FIRST + answered * 2), [mail()] * 4, Link("r", CHUNKING, window=3))
    assert [list(one.values()) for one in rows(scripted)] == [[None], ["M0"], ["M0"], ["M0"]]


@pytest.mark.parametrize(
    ("server", "row"),
    [
        (b"250 m\r\n250 r\r\n451 4.3.0 later\r\n", "Z2"),
        (b"250 m\r\n250 r\r\n554 5.7.1 no\r\n", "Z3"),
        (b"250 m\r\n250 r\r\n503 what\r\n", "X2"),
        (b"250 m\r\n250 r\r\n502 BDAT?\r\n", "X2"),
        (b"250 m\r\n250 r\r\n354 go\r\n", "Z7"),
        (b"250 m\r\n250 r\r\nnonsense\r\n", "Z7"),
        (b"250 m\r\n250 r\r\n250", "Z6"),
        (b"250 m\r\n451 4.7.1 later\r\n554 nobody\r\n", "R2"),
        (b"550 5.7.1 no\r\n503 x\r\n503 x\r\n", "M6"),
    ],
)
def test_each_answer_has_its_row(server: bytes, row: str) -> None:
    for pieces in splits(server):
        scripted = play(pieces, [mail()], Link("r", CHUNKING))
        assert rows(scripted) == [{"a@x": row}]


def test_law_8_a_421_that_came_unasked_is_not_taken_for_the_reply_to_mail_where_the_message_was_taken() -> None:
    """It was said while the connection was idle, and read behind MAIL: the replies behind it are one off."""
    server = FIRST + b"421 4.3.2 closing\r\n" + b"250 m\r\n250 r\r\n250 kept\r\n"
    scripted = play(lines(server), [mail("a@x"), mail("b@x")], Link("r", CHUNKING))
    assert rows(scripted) == [{"a@x": None}, {"b@x": "Z7"}]


def test_after_a_refusal_the_next_mail_begins_with_rset() -> None:
    scripted = play(lines(b"250 m\r\n250 r\r\n554 5.7.1 no\r\n" + BEHIND), [mail()] * 2, Link("r", CHUNKING))
    assert scripted.wire.flights[1].startswith(b"RSET\r\n")
    assert rows(scripted) == [{"a@x": "Z3"}, {"a@x": None}]


def test_law_12_too_many_recipients_go_in_a_further_transaction() -> None:
    server = b"250 m\r\n250 a\r\n452 4.5.3 too many\r\n250 kept\r\n250 m\r\n250 b\r\n250 kept\r\n"
    scripted = play(lines(server), [mail("a@x", "b@x")], Link("r", CHUNKING))
    assert rows(scripted) == [{"a@x": None, "b@x": None}]
    assert scripted.wire.commits == [(0,), (0,)]


# big messages -------------------------------------------------------------------------------------------------------

BIG = b"x" * (2 * CHUNK + 5)


@pytest.mark.parametrize("offered", [CHUNKING, LOCK_STEP], ids=["pipelined", "lock step"])
def test_a_big_message_waits_for_its_envelope_and_goes_in_chunks(offered: Extensions) -> None:
    server = b"250 m\r\n250 r\r\n250 c\r\n250 c\r\n250 kept\r\n"
    scripted = play(lines(server), [mail(data=BIG)], Link("r", offered))
    assert rows(scripted) == [{"a@x": None}]
    sizes = [flight.partition(b"\r\n")[0] for flight in scripted.wire.flights if flight.startswith(b"BDAT")]
    assert sizes == [b"BDAT %d" % CHUNK, b"BDAT %d" % CHUNK, b"BDAT 5 LAST"]
    assert scripted.wire.events[-2:] == ["commit", "chunk"]


def test_a_big_message_is_not_sent_for_nobody() -> None:
    link = Link("r", CHUNKING)
    scripted = play(lines(b"250 m\r\n550 5.1.1 no\r\n" + BEHIND), [mail(data=BIG), mail()], link)
    assert rows(scripted) == [{"a@x": "R7"}, {"a@x": None}]
    assert BIG[:100] not in scripted.wire.sent


def test_a_big_message_is_refused_at_a_chunk_and_the_session_lives_on() -> None:
    server = b"250 m\r\n250 r\r\n552 5.3.4 too big\r\n" + BEHIND
    scripted = play(lines(server), [mail(data=BIG), mail()], Link("r", CHUNKING))
    assert rows(scripted) == [{"a@x": "Z3"}, {"a@x": None}]
    assert scripted.wire.commits == [(1,)]


def test_a_big_message_that_is_lost_at_a_chunk_is_surely_not_delivered() -> None:
    scripted = play(lines(b"250 m\r\n250 r\r\n250 c\r\n"), [mail(data=BIG)], Link("r", CHUNKING))
    assert rows(scripted) == [{"a@x": "W1"}]
    assert not scripted.decided[0].terminator_sent


def test_a_big_message_goes_by_itself_in_a_window() -> None:
    alone = b"250 m\r\n250 r\r\n250 c\r\n250 c\r\n250 kept\r\n"
    scripted = play(
        lines(FIRST + BEHIND + alone + FIRST), [mail(), mail(), mail(data=BIG), mail()], Link("r", CHUNKING, window=8)
    )
    assert rows(scripted) == [{"a@x": None}] * 4
    assert scripted.wire.commits == [(0, 1), (2,), (3,)]


# binary -------------------------------------------------------------------------------------------------------------


def test_law_9_a_binary_message_goes_by_bdat_alone() -> None:
    scripted = play(lines(FIRST), [mail(data=b"\0\n\r\xff", binary=True)], Link("r", CHUNKING))
    assert scripted.wire.sent == b"MAIL FROM:<s@x> BODY=BINARYMIME\r\nRCPT TO:<a@x>\r\nBDAT 4 LAST\r\n\0\n\r\xff"


def test_law_9_a_binary_message_is_not_tried_without_the_extensions() -> None:
    scripted = play([], [mail(binary=True)], Link("r", Extensions("r", {"PIPELINING": "", "CHUNKING": ""})))
    assert rows(scripted) == [{"a@x": "E6"}]


# the record keeper --------------------------------------------------------------------------------------------------


def test_a_record_keeper_that_refuses_is_heard_after_those_in_flight_have_their_verdict() -> None:
    def refuse_the_second(positions: tuple[int, ...]) -> None:
        if 2 in positions:
            raise RuntimeError("fenced")

    scripted = Scripted(iter(lines(FIRST + BEHIND)), Loss.CLOSED, refuse_the_second)
    with pytest.raises(RuntimeError, match="fenced"):
        scripted.send([mail(), mail(), mail()], Link("r", CHUNKING, window=2))
    assert rows(scripted) == [{"a@x": None}, {"a@x": None}]


def test_too_late_for_a_window_is_deferred_with_nothing_sent_and_the_session_lives_on() -> None:
    def late_once(positions: tuple[int, ...]) -> None:
        if positions == (0,):
            raise Lost(Loss.TOO_LATE, "too late")

    scripted = play(lines(FIRST), [mail("a@x"), mail("b@x")], Link("r", CHUNKING), at_commit=late_once)
    assert rows(scripted) == [{"a@x": "W3"}, {"b@x": None}]
    assert b"<a@x>" not in scripted.wire.sent


def test_fault_61_a_stale_250_is_never_a_success() -> None:
    twice = b"".join(line * 2 for line in lines(b"250 m\r\n250 r\r\n554 5.7.1 no\r\n"))
    scripted = play([twice], [mail("a@x"), mail("b@x")], Link("r", CHUNKING))
    assert rows(scripted) == [{"a@x": "Z7"}, {"b@x": "M0"}]


def test_a_421_behind_a_final_reply_takes_nothing_back() -> None:
    scripted = play([FIRST + b"421 shutting down\r\n"], [mail("a@x"), mail("b@x")], Link("r", CHUNKING))
    assert rows(scripted) == [{"a@x": None}, {"b@x": "M0"}]


def test_a_message_that_is_on_its_way_is_decided_by_its_final_reply_alone() -> None:
    """RSET is refused, and the server takes the message all the same: it is not told as deferred, and sent again."""
    refused = b"250 m\r\n451 later\r\n503 nobody\r\n"
    scripted = play(lines(refused + b"451 no reset\r\n" + FIRST), [mail(), mail()], Link("r", CHUNKING))
    assert rows(scripted) == [{"a@x": "R2"}, {"a@x": None}]
    scripted = play(
        lines(refused + b"451 no reset\r\n503 nested\r\n503 x\r\n503 x\r\n"), [mail()] * 2, Link("r", CHUNKING)
    )
    assert rows(scripted) == [{"a@x": "R2"}, {"a@x": "M5"}]
    scripted = play(
        lines(refused + b"250 reset\r\n503 nested\r\n250 r\r\n250 kept\r\n"), [mail()] * 2, Link("r", CHUNKING)
    )
    assert rows(scripted) == [{"a@x": "R2"}, {"a@x": "Z7"}]
