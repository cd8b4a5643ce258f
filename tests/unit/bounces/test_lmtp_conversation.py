from __future__ import annotations

from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from notifier.bounces.lmtp import MOST_LINE, MOST_RECIPIENTS, MOST_REFUSED, MOST_SIZE, Conversation, Incoming
from notifier.bounces.parts import MOST

ENVELOPE = b"LHLO mx.example\r\nMAIL FROM:<>\r\nRCPT TO:<bounce@shop.example>\r\nDATA\r\n"


def conversation() -> Conversation:
    return Conversation("here.example", lambda path: "forged" not in path)


def said(steps: Sequence[bytes | Incoming]) -> list[str]:
    return [step.decode().splitlines()[-1] for step in steps if isinstance(step, bytes)]


def messages(steps: Sequence[bytes | Incoming]) -> list[Incoming]:
    return [step for step in steps if isinstance(step, Incoming)]


@pytest.mark.parametrize("size", [1, 2, 3, 7, 4096])
def test_a_message_comes_whole_in_whatever_pieces_it_comes(size: int) -> None:
    octets = ENVELOPE + b"..\r\nSubject: x\r\n\r\n.a\r\n..\r\n.\r\nNOOP\r\n"
    talk = conversation()
    steps = [step for at in range(0, len(octets), size) for step in talk.feed(octets[at : at + size])]
    (found,) = messages(steps)
    assert found == Incoming(b".\r\nSubject: x\r\n\r\na\r\n.\r\n", ("bounce@shop.example",), too_big=False)
    assert [reply[:3] for reply in said(steps)] == ["250", "250", "250", "354", "250"]


@pytest.mark.parametrize("end", [b"\n.\n", b"\r\n.\n", b"\n.\r\n", b"\r.\r\n"])
def test_nothing_else_ends_a_message(end: bytes) -> None:
    assert messages(list(conversation().feed(ENVELOPE + b"a" + end + b"QUIT\r\n"))) == []


def test_only_the_beginning_of_a_big_message_is_kept() -> None:
    talk = conversation()
    list(talk.feed(ENVELOPE))
    for _ in range(40):
        assert list(talk.feed(b"x" * 100_000)) == []
        assert len(talk._unread) < 200_000
    (found,) = talk.feed(b"\r\n.\r\n")
    assert isinstance(found, Incoming)
    assert (len(found.octets), found.too_big) == (MOST, False)


def test_one_that_is_over_the_size_that_was_offered_is_not_to_be_taken() -> None:
    talk = conversation()
    list(talk.feed(ENVELOPE))
    block = b"x" * (4 * 2**20)
    for _ in range(MOST_SIZE // len(block) + 1):
        list(talk.feed(block))
    (found,) = talk.feed(b"\r\n.\r\n")
    assert isinstance(found, Incoming)
    assert found.too_big


@pytest.mark.parametrize(
    ("line", "code"),
    [
        (b"EHLO x", "500"),  # RFC 2033 section 4.1
        (b"HELO x", "500"),
        (b"LHLO", "501"),
        (b"MAIL FROM:<>", "503"),
        (b"RCPT TO:<a@b>", "503"),
        (b"DATA", "503"),
        (b"BDAT 5 LAST", "500"),
        (b"", "500"),
    ],
)
def test_what_is_wrong_or_comes_too_soon_is_refused(line: bytes, code: str) -> None:
    (reply,) = said(list(conversation().feed(line + b"\r\n")))
    assert reply.startswith(code)


def test_a_recipient_with_a_forged_token_is_refused_by_himself() -> None:
    lines = b"LHLO a\r\nMAIL FROM:<>\r\nRCPT TO:<forged@b>\r\nDATA\r\nRCPT TO:<good@b>\r\nDATA\r\n"
    assert [reply[:3] for reply in said(list(conversation().feed(lines)))] == ["250", "250", "550", "503", "250", "354"]


@pytest.mark.parametrize("octets", [b"NOOP\n", b"NO\x00OP\r\n", b"NOOP \xff\r\n", b"x" * 3000])
def test_what_is_not_clearly_a_line_ends_it(octets: bytes) -> None:
    talk = conversation()
    (reply,) = said(list(talk.feed(octets + b"NOOP\r\n")))
    assert reply[0] == "5"
    assert talk.over


def test_whoever_is_refused_again_and_again_is_shown_out() -> None:
    talk = conversation()
    replies = said(list(talk.feed(b"HELP\r\n" * 100)))
    assert (len(replies), replies[-1][:3], talk.over) == (MOST_REFUSED, "421", True)


def test_recipients_are_counted() -> None:
    talk = conversation()
    lines = b"LHLO a\r\nMAIL FROM:<>\r\n" + b"".join(b"RCPT TO:<%d@b>\r\n" % n for n in range(MOST_RECIPIENTS + 1))
    assert said(list(talk.feed(lines)))[-1].startswith("452")


def test_rset_and_the_next_transaction_begin_anew() -> None:
    lines = b"LHLO a\r\nMAIL FROM:<>\r\nRCPT TO:<a@b>\r\nRSET\r\nDATA\r\nMAIL FROM:<>\r\nQUIT\r\nNOOP\r\n"
    assert [reply[:3] for reply in said(list(conversation().feed(lines)))] == ["250"] * 4 + ["503", "250", "221"]


WORDS = st.sampled_from(
    [*ENVELOPE.splitlines(keepends=True), b".\r\n", b"RSET\r\n", b"\r\n", b"\x00", b".", b"x" * 3000]
)


@given(st.lists(st.one_of(WORDS, st.binary(max_size=50)), max_size=30))
def test_whatever_a_client_says_it_gets_replies_and_nothing_breaks(pieces: list[bytes]) -> None:
    talk = conversation()
    for piece in pieces:
        assert all(step.endswith(b"\r\n") for step in talk.feed(piece) if isinstance(step, bytes))
    assert talk.over or talk.in_message or len(talk._unread) < MOST_LINE
