from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from notifier.protocol import reply as remembered
from notifier.protocol.reply import CAPS, MAX_OFFER, SHORT, ProtocolViolation, Reply, ReplyCaps, ReplyParser

GOOD = {
    b"250 OK\r\n": [(250, "OK")],
    b"250\r\n": [(250, "")],
    b"250-a\r\n250-b\r\n250 c\r\n": [(250, "a\nb\nc")],
    b"220 x\r\n250 y\r\n": [(220, "x"), (250, "y")],
    "250 Grüße\r\n".encode(): [(250, "Grüße")],
}
BAD = [
    b"25 0\r\n", b"2500\r\n", b"+25 x\r\n", b"2_5 x\r\n", b"999 x\r\n", b"000 x\r\n", b"150 x\r\n", b"\r\n",
    b"250 x\n", b"250 a\rb\r\n", b"250 a\x00b\r\n", b"250-a\r\n251 b\r\n", b"HTTP/1.1 400 Bad Request\r\n", b"250x\r\n",
]  # fmt: skip


def split_everywhere(octets: bytes) -> list[list[bytes]]:
    """In one piece, at each single position, and octet by octet."""
    return [[octets], [octets[i : i + 1] for i in range(len(octets))]] + [
        [octets[:cut], octets[cut:]] for cut in range(1, len(octets))
    ]


def parsed(pieces: list[bytes]) -> list[tuple[int, str]]:
    parser = ReplyParser()
    replies = [(reply.code, reply.text) for piece in pieces for reply in parser.feed(piece)]
    if parser.violation is not None:
        raise ProtocolViolation(parser.violation)
    assert not parser.pending
    return replies


@pytest.mark.parametrize("octets", GOOD)
def test_law_1_a_reply_does_not_depend_on_how_its_octets_were_split(octets: bytes) -> None:
    for pieces in split_everywhere(octets):
        assert parsed(pieces) == GOOD[octets]


@pytest.mark.parametrize("octets", BAD)
def test_law_1_anything_else_is_a_violation_at_every_split(octets: bytes) -> None:
    for pieces in split_everywhere(octets):
        with pytest.raises(ProtocolViolation):
            parsed(pieces)


@pytest.mark.parametrize(
    "flood",
    [
        b"250 " + b"x" * CAPS.line + b"\r\n",
        b"x" * (CAPS.line + 1),
        b"250-x\r\n" * (CAPS.lines + 1),
        (b"250-" + b"x" * 1000 + b"\r\n") * (CAPS.octets // 1000 + 1),
    ],
)
def test_law_1_a_flood_is_cut_off(flood: bytes) -> None:
    with pytest.raises(ProtocolViolation):
        parsed([flood[i : i + 4096] for i in range(0, len(flood), 4096)])


SMALL = ReplyCaps(line=600, octets=1000, lines=3)


@pytest.mark.parametrize(
    ("within", "over"),
    [
        pytest.param(b"250 " + b"x" * 594 + b"\r\n", b"250 " + b"x" * 595 + b"\r\n", id="a line"),
        pytest.param(b"250-x\r\n" * 2 + b"250 x\r\n", b"250-x\r\n" * 3 + b"250 x\r\n", id="lines"),
        pytest.param(
            (b"250-" + b"x" * 494 + b"\r\n") + (b"250 " + b"x" * 494 + b"\r\n"),
            (b"250-" + b"x" * 494 + b"\r\n") + (b"250 " + b"x" * 495 + b"\r\n"),
            id="octets",
        ),
    ],
)
def test_law_1_a_reply_may_have_what_was_set_and_not_an_octet_more(within: bytes, over: bytes) -> None:
    for size in (1, 7, 4096):
        parser = ReplyParser(SMALL)
        pieces = [within[i : i + size] for i in range(0, len(within), size)]
        assert [reply.code for piece in pieces for reply in parser.feed(piece)] == [250]
        assert not parser.pending
        for piece in (over[i : i + size] for i in range(0, len(over), size)):
            parser.feed(piece)
        assert parser.violation


@pytest.mark.parametrize("wrong", [{"line": 511}, {"octets": 8191}, {"lines": 0}])
def test_caps_that_no_reply_would_be_within_are_refused(wrong: dict[str, int]) -> None:
    with pytest.raises(ValueError, match="a line 512 octets or more"):
        ReplyCaps(**wrong)


def test_a_broken_parser_stays_broken() -> None:
    parser = ReplyParser()
    assert parser.feed(b"nonsense\r\n") == []
    assert parser.violation
    assert parser.feed(b"250 OK\r\n") == []


def test_law_1_what_stands_before_a_violation_counts_however_it_was_split() -> None:
    for pieces in split_everywhere(b"250 one\r\n354 two\r\nnonsense\r\n250 three\r\n"):
        parser = ReplyParser()
        assert [reply.code for piece in pieces for reply in parser.feed(piece)] == [250, 354]
        assert parser.violation


@pytest.mark.parametrize(
    ("reply", "enhanced"),
    [
        (Reply(250, (b"2.1.5 OK",)), "2.1.5"),
        (Reply(550, (b"5.1.1 No",)), "5.1.1"),
        (Reply(250, (b"5.1.1 liar",)), None),
        (Reply(354, (b"3.0.0 no such class",)), None),
        (Reply(550, (b"5.1.1x No",)), None),
        (Reply(550, (b"No 5.1.1",)), None),
        (Reply(550, (b"5.1234.1 huge",)), None),
        (Reply(550, (b"",)), None),
    ],
)
def test_an_enhanced_code_counts_only_where_its_class_is_the_replys(reply: Reply, enhanced: str | None) -> None:
    assert reply.enhanced == enhanced


@given(st.binary(max_size=300), st.integers(min_value=1, max_value=7))
def test_law_1_any_octets_give_the_same_replies_and_the_same_violation_however_they_are_split(
    octets: bytes, size: int
) -> None:
    def run(pieces: list[bytes]) -> tuple[list[tuple[int, str]], bool]:
        parser = ReplyParser()
        found = [(reply.code, reply.text) for piece in pieces for reply in parser.feed(piece)]
        return found, parser.violation is not None

    assert run([octets[i : i + size] for i in range(0, len(octets), size)]) == run([octets])


@pytest.mark.parametrize(
    "octets", [b"250 " + b"x" * SHORT + b"\r\n", b"y" * 16_000 + b"\n", b"250-" + b"x" * MAX_OFFER + b"\r\n250 x\r\n"]
)
def test_the_process_does_not_remember_what_is_long(octets: bytes) -> None:
    remembered._single.cache_clear()
    remembered._offer.cache_clear()
    ReplyParser().feed(octets)
    assert remembered._single.cache_info().currsize == remembered._offer.cache_info().currsize == 0
