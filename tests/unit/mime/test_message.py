"""Messages that an application has composed itself: unchanged, or refused with the line and the reason."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from read_in_blocks import Read

from notifier.errors import InvalidHeader, InvalidMail
from notifier.mime import line_ends, message
from notifier.mime.message import MAX_LINE, ONCE, completed, header_is_ascii, header_of, read_message, without_blind
from notifier.model.octets import Streamed, whole

WHEN = datetime(2026, 11, 28, 12, tzinfo=UTC)
FROM = b"From: zoe@example.com\r\n"

LINES = st.lists(st.binary(max_size=60).map(lambda line: line.translate(None, b"\0\r\n")), max_size=8)


def test_a_message_with_crlf_comes_back_octet_for_octet() -> None:
    octets = (
        FROM
        + b"Subject:  two\t blanks \r\n\tfolded \r\nX-Odd:a\r\nX:\r\n\r\n.dot\r\n\r\nFrom here\r\n\xff\x80 8-bit\r\nno end"
    )
    assert read_message(octets).octets == octets


@given(LINES)
def test_any_body_of_lines_comes_back_with_crlf(lines: list[bytes]) -> None:
    for end in (b"\n", b"\r\n"):
        assert read_message(FROM + b"\r\n" + end.join(lines)).octets == FROM + b"\r\n" + b"\r\n".join(lines)


@given(st.binary())
@example(b"")
@example(b"\r\n")
@example(b"\n\n\n")
@example(FROM)
@example(FROM[:-2])
@example(b"From: a\r\n b\r\n\r\n")
@example(b"From: a\n\r\n")
def test_whatever_is_taken_can_go_out_and_is_the_same_when_it_is_read_again(octets: bytes) -> None:
    try:
        found = read_message(octets).octets
    except InvalidMail:
        return
    assert found.replace(b"\r\n", b"").translate(None, b"\r\n\0") == found.replace(b"\r\n", b"")
    assert max(map(len, found.split(b"\r\n"))) <= MAX_LINE
    assert read_message(found).octets == found


@given(st.lists(st.sampled_from([b"\n", b"\r\n", b"a", b"\xff", b"." * 990, b"From: a"]), max_size=12).map(b"".join))
def test_a_big_message_is_what_a_small_one_is_but_its_body_is_not_copied(octets: bytes) -> None:
    def read() -> bytes | str:
        try:
            return whole(read_message(FROM + octets).octets)
        except InvalidMail as error:
            return str(error)

    small = read()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(line_ends, "HELD", 0)
        patch.setattr(line_ends, "BLOCK", 3)
        patch.setattr(message, "BLOCK", 2)
        assert read() == small


def test_of_a_big_message_no_more_is_read_than_its_header_takes() -> None:
    def blocks() -> Iterator[bytes]:
        yield b"Subject: x\r\nX: \xc3\xbc\r"
        yield b"\n\r\nbody of a line"
        raise AssertionError("not asked for")

    class Big(Read):
        def __iter__(self) -> Iterator[bytes]:
            return blocks()

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(message, "BLOCK", 10)
        big = Streamed([Big(b"")], eight_bit=True)
        assert header_of(big) == b"Subject: x\r\nX: \xc3\xbc"
        assert not header_is_ascii(big)


def test_a_header_alone_is_a_message() -> None:
    for octets in (FROM, FROM[:-2], FROM + b"\r\n", FROM.replace(b"\r\n", b"\n")):
        assert read_message(octets).header == FROM
    assert completed(FROM, message_id="<1@x>", date=WHEN).endswith(FROM)


def test_bcc_goes_with_its_folds_and_nothing_else_does() -> None:
    octets = (
        b"bCC: a@x.example,\r\n b@x.example\r\n"
        + FROM
        + b"Resent-Bcc:c@x.example\r\nX-Bcc: stays\r\n\r\nBcc: in the text\r\n"
    )
    assert without_blind(read_message(octets)).octets == FROM + b"X-Bcc: stays\r\n\r\nBcc: in the text\r\n"


def test_what_is_missing_is_added_and_what_is_there_stays() -> None:
    date, message_id = b"Date: Sat, 28 Nov 2026 12:00:00 +0000\r\n", b"Message-ID: <1@x>\r\n"
    for own, added in ((b"", date + message_id), (b"DATE: x\r\n", message_id), (b"message-id:\r\n <2@x>\r\n", date)):
        octets = own + FROM + b"\r\nDate: in the text\r\nMessage-ID: in the text\r\n"
        assert completed(octets, message_id="<1@x>", date=WHEN) == added + octets
    assert completed(octets, message_id="<1@x>", date=WHEN) == completed(octets, message_id="<1@x>", date=WHEN)
    other = b"X-Date: a\r\n" + FROM
    assert completed(other, message_id="<1@x>", date=WHEN) == date + message_id + other


def test_what_a_field_says_is_unfolded() -> None:
    found = read_message(b"Message-ID:\r\n <1@x.example>\r\nSubject: Gr\xc3\xbc\xc3\x9fe\r\n\tan Zo\xc3\xab\r\n" + FROM)
    assert (found.first("message-id"), found.first("Subject"), found.first("X")) == (
        "<1@x.example>",
        "Grüße an Zoë",
        None,
    )


def test_utf_8_in_the_header_needs_smtputf8_and_octets_in_the_body_do_not() -> None:
    assert header_is_ascii(FROM + b"\r\n\xff")
    assert not header_is_ascii(b"Subject: \xc3\xbc\r\n\r\nx")


@pytest.mark.parametrize(
    ("octets", "why"),
    [
        (b"", "no From"), (b"\r\n" + FROM, "no From"), (b"Subject: x\r\n\r\n" + FROM, "no From"),
        (b"From zoe Sat Nov 28\r\n" + FROM, "line 1 .* mailbox file's"), (b">From zoe\r\n" + FROM, "mailbox file's"),
        (b" " + FROM, "line 1"), (FROM + b"no field\r\n", "line 2"), (FROM + b": x\r\n", "line 2"), (FROM + b"Bcc : x\r\n", "line 2"), (FROM + b"a b: x\r\n", "line 2"),
        (FROM + b"X: a\r\n \t \r\n\r\n", "line 3"), (FROM + "Ü: x\r\n".encode(), "line 2"),
        *((FROM + f"X: a{char}Bcc: b\r\n".encode(), r"'x' .* U\+") for char in "\x85\x9f\u2028\u2029"),
        (FROM + b"X: a\x1bb\r\n", "0x1b"), (FROM + b"X: a\x7f\r\n", "0x7f"),
        (FROM + b"Subject: gr\xfc\xdfe\r\n\r\n", "'subject' .* UTF-8"),
        (FROM + b"X: a\nBcc: all@x.example\r\n\r\n", "LF alone"), (FROM + b"X: a\n\r\nSubject: x\r\n\r\nbody", "LF alone"),
        (FROM + b"X: " + b"y" * MAX_LINE + b"\r\n", "line 2 .* 1,001 octets"),
        *((FROM + b"%b: a\r\n%b: b\r\n" % (name.encode(), name.upper().encode()), f"fields {name}") for name in ONCE if name != "From"),
        (FROM + FROM, "2 fields From"),
    ],
    ids=lambda value: repr(value)[:50],
)  # fmt: skip
def test_a_header_that_is_none_is_refused(octets: bytes, why: str) -> None:
    with pytest.raises(InvalidHeader, match=why):
        read_message(octets)


@pytest.mark.parametrize(
    ("body", "why"),
    [(b"a\rb", "CR without LF"), (b"\r\r\n", "CR without LF"), (b"a\0b", "NUL"), (b"x" * 999, "999 octets")],
)  # fmt: skip
@pytest.mark.parametrize("end", [b"\n", b"\r\n"])
def test_a_body_that_cannot_go_out_as_it_is_is_refused(body: bytes, why: str, end: bytes) -> None:
    with pytest.raises(InvalidMail, match=why):
        read_message(b"From: a@x.example" + end + end + body + end)


def test_a_line_that_ends_in_lf_inside_a_body_of_crlf_becomes_one_of_its_own_and_smuggles_nothing() -> None:
    octets = FROM + b"\r\nbody\n.\nMAIL FROM:<x@x.example>\r\n.\r\n"
    assert read_message(octets).octets == FROM + b"\r\nbody\r\n.\r\nMAIL FROM:<x@x.example>\r\n.\r\n"
