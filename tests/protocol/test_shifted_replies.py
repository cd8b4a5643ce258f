"""Replies that are one too many, or one too few: nobody is told that a mail was taken which was not.

Over BDAT nothing like DATA's 354 shows that replies are in step. Where the server's replies have enhanced status codes
they can be told apart by them; where they have none, DATA is used, unless somebody has asked for a window.
"""

from __future__ import annotations

import pytest
from transcripts import Scripted, splits

from notifier.model.envelope import Envelope, MailObject
from notifier.model.outcome import RecipientState
from notifier.protocol.delivery import Delivery
from notifier.protocol.dialogue import Loss
from notifier.protocol.extensions import Extensions
from notifier.protocol.link import Link

PIPELINING = Extensions("relay", {"PIPELINING": ""})
WITHOUT_CODES = Extensions("relay", {"PIPELINING": "", "CHUNKING": "", "BINARYMIME": ""})
WITH_CODES = Extensions("relay", {**WITHOUT_CODES.keywords, "ENHANCEDSTATUSCODES": ""})
MAIL, RCPT, KEPT, RESET = b"250 2.1.0 Ok\r\n", b"250 2.1.5 Ok\r\n", b"250 2.0.0 Ok: queued\r\n", b"250 2.0.0 Ok\r\n"
GOOD = MAIL + RCPT + KEPT
BEHIND = RESET + GOOD


def mail(*recipients: str, data: bytes = b"x\r\n", binary: bool = False) -> MailObject:
    return MailObject(Envelope("s@x", recipients or ("a@x",)), data, binary=binary)


def play(pieces: list[bytes], mails: list[MailObject], link: Link, ending: Loss = Loss.TIMEOUT) -> list[str]:
    scripted = Scripted(iter(pieces), ending)
    scripted.send(mails, link)
    assert all(one.terminator_sent or _state(one) != "unknown" for one in scripted.decided)
    return [_state(one) for one in sorted(scripted.decided, key=lambda one: one.position)]


def _state(one: Delivery) -> str:
    (state,) = {str(outcome.state) for outcome in one.recipients.values()}
    return state


# An extra reply behind RCPT's that looks like a final one is what no client can tell: it is not among these.
@pytest.mark.parametrize(
    "server",
    [
        *(MAIL + extra + RCPT for extra in (RESET, MAIL, RCPT, b"250 odd\r\n")),
        MAIL + RCPT + RCPT,
    ],
)
@pytest.mark.parametrize("window", [1, 4])
def test_fault_61_an_extra_reply_moves_the_envelopes_reply_into_the_messages_place(server: bytes, window: int) -> None:
    """The true final reply, a refusal, comes later, or never."""
    for pieces in splits(server):
        assert play(pieces, [mail()], Link("r", WITH_CODES, window=window)) == ["unknown"]


def test_fault_62_a_missing_final_reply_is_found_by_the_reply_behind_it() -> None:
    """RSET's reply would stand in for it, and the next mail's MAIL for that."""
    server = MAIL + RCPT + RESET + GOOD + BEHIND
    for pieces in splits(server):
        found = play(pieces, [mail(), mail(), mail()], Link("r", WITH_CODES, window=4))
        assert found == ["unknown"] * 3


def test_a_server_that_says_the_same_to_everything_is_believed() -> None:
    same = b"250 2.1.5 Ok\r\n"
    for link in (Link("r", WITH_CODES), Link("r", WITH_CODES, window=4)):
        resets = 2 if link.window > 1 else 0
        assert play([same] * (9 + resets), [mail(), mail(), mail()], link) == ["accepted"] * 3


def test_a_window_of_good_replies_is_good_at_every_split() -> None:
    for pieces in splits(GOOD + BEHIND + BEHIND):
        assert play(pieces, [mail(), mail(), mail()], Link("r", WITH_CODES, window=4)) == ["accepted"] * 3


def test_where_replies_have_no_codes_data_is_used_whose_354_shows_that_they_are_in_step() -> None:
    scripted = Scripted(iter([b"250 m\r\n250 r\r\n354 go\r\n", b"250 kept\r\n"]), Loss.CLOSED)
    scripted.send([mail()], Link("r", WITHOUT_CODES))
    assert b"DATA" in scripted.wire.sent
    assert b"BDAT" not in scripted.wire.sent


def test_a_window_that_was_asked_for_needs_no_codes() -> None:
    scripted = Scripted(iter([b"250 m\r\n250 r\r\n250 kept\r\n"]), Loss.CLOSED)
    scripted.send([mail()], Link("r", WITHOUT_CODES, window=2))
    assert b"BDAT 3 LAST" in scripted.wire.sent


def test_binary_mail_goes_by_bdat_behind_the_envelopes_replies() -> None:
    scripted = Scripted(iter([b"250 m\r\n250 r\r\n", b"250 kept\r\n"]), Loss.CLOSED)
    link = Link("r", WITHOUT_CODES)
    scripted.send([mail(data=b"\0\n", binary=True)], link)
    assert [b"BDAT" in flight for flight in scripted.wire.flights] == [False, True]
    assert _state(scripted.decided[0]) == "accepted"


@pytest.mark.parametrize("offered", [PIPELINING, Extensions("relay", {})], ids=["pipelined", "lock step"])
@pytest.mark.parametrize("lmtp", [False, True])
def test_two_final_replies_at_once_leave_it_open_which_one_it_was(offered: Extensions, lmtp: bool) -> None:
    server = [b"250 m\r\n", b"250 r\r\n", b"354 go\r\n", b"250 stale\r\n554 refused\r\n"]
    assert play(server, [mail()], Link("r", offered, lmtp=lmtp)) == ["unknown"]


def test_two_final_replies_with_an_envelope_behind_that_was_refused_leave_it_open_too() -> None:
    server = [b"250 m\r\n250 r\r\n354 go\r\n", b"250 stale\r\n554 no\r\n550 m\r\n503 r\r\n503 d\r\n"]
    assert play(server, [mail("a@x"), mail("b@x")], Link("r", PIPELINING))[0] == "unknown"


def test_a_reply_more_behind_the_354_of_the_next_mail_takes_nothing_back() -> None:
    server = [b"250 m\r\n250 r\r\n354 go\r\n", b"250 kept\r\n250 m\r\n250 r\r\n354 go\r\n250 odd\r\n"]
    found = play(server, [mail("a@x"), mail("b@x")], Link("r", PIPELINING))
    assert found == ["accepted", "deferred"]


def test_law_15_each_recipient_has_what_was_said_of_it_and_the_queue_id_is_kept() -> None:
    server = [
        b"250 m\r\n251 2.1.5 will forward\r\n250 2.1.5 ok\r\n354 go\r\n",
        b"250 2.0.0 saved AAA\r\n552 5.2.2 full\r\n",
    ]
    scripted = Scripted(iter(server), Loss.CLOSED)
    scripted.send([mail("a@x", "b@x")], Link("r", PIPELINING, lmtp=True))
    (one,) = scripted.decided
    assert one.reply is not None
    assert one.reply.text == "2.0.0 saved AAA", "not the last one, which is a refusal"
    assert one.recipients["a@x"].reply == "250 2.0.0 saved AAA"
    assert one.recipients["b@x"].state is RecipientState.REFUSED
    scripted = Scripted(iter([*server[:1], b"250 kept\r\n"]), Loss.CLOSED)
    scripted.send([mail("a@x", "b@x")], Link("r", PIPELINING))
    assert scripted.decided[0].recipients["a@x"].reply == "251 2.1.5 will forward"
