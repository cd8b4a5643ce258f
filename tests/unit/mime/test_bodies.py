"""Bodies: texts in the encoding that is right and shortest, files in base64 however they are read."""

from __future__ import annotations

import binascii
import quopri

import pytest
from hypothesis import given
from hypothesis import strategies as st
from read_in_blocks import Read

from notifier.mime import bodies
from notifier.mime.bodies import Base64, base64_lines, is_plain_message, text_body

pytestmark = pytest.mark.unit


@given(st.binary(min_size=1, max_size=500), st.integers(1, 200))
def test_a_file_that_is_read_in_blocks_is_the_same_base64(data: bytes, block: int) -> None:
    encoded = Base64(Read(data, block))
    assert b"".join(encoded) == base64_lines(data)
    assert len(encoded) == len(base64_lines(data))


@pytest.mark.parametrize(
    ("text", "encoding"),
    [
        ("plain\n", "7bit"),
        ("", "7bit"),
        ("x" * 998, "7bit"),
        ("x" * 999, "quoted-printable"),
        ("a\x00b", "quoted-printable"),
        ("Ihre Bestellung ist da, und wir grüßen Sie herzlich.\n" * 20, "quoted-printable"),
        ("日本語の文章です。\n" * 20, "base64"),
        ("Привет, мир\n" * 20, "base64"),
    ],
)
def test_the_encoding_is_chosen_by_measure(text: str, encoding: str) -> None:
    chosen, octets = text_body(text)
    assert chosen == encoding
    assert max(map(len, octets.split(b"\r\n"))) <= (998 if encoding == "7bit" else 76)


@given(
    st.lists(st.sampled_from(["plain words ", "a=b ", "ü", "日", "\n", "😀", "x" * 80]), min_size=1, max_size=60).map(
        "".join
    )
)
def test_quoting_first_chooses_what_counting_chooses(text: str) -> None:
    octets = (text if text.endswith("\n") else text + "\n").encode()
    encoding, body = text_body(text)
    if not octets.isascii():
        shorter = bodies._quoted_size(octets) <= len(octets) * bodies._BASE64_COST
        assert (encoding, body) == (
            ("quoted-printable", bodies.quoted_printable(octets))
            if shorter
            else ("base64", base64_lines(octets.replace(b"\n", b"\r\n")))
        )


@given(st.text(st.characters(exclude_categories=["Cs"])))
def test_what_was_encoded_is_the_text_with_crlf(text: str) -> None:
    encoding, octets = text_body(text)
    decoded = {"7bit": bytes, "quoted-printable": quopri.decodestring, "base64": binascii.a2b_base64}[encoding](octets)
    lines = text.replace("\r\n", "\n").replace("\r", "\n")
    assert decoded == (lines if lines.endswith("\n") else lines + "\n").replace("\n", "\r\n").encode()


@given(st.lists(st.sampled_from([b"a", b"\r\n", b"\r", b"\n", b"\0", b"\xff", b"x" * 997]), max_size=8).map(b"".join))
def test_a_plain_message_has_only_lines_that_may_stand_in_another_one(octets: bytes) -> None:
    bare = octets.replace(b"\r\n", b"")
    lines = octets.split(b"\r\n")
    sound = b"\r" not in bare and b"\n" not in bare and b"\0" not in octets and octets.isascii()
    assert is_plain_message(octets) == (sound and octets.endswith(b"\r\n") and max(map(len, lines)) <= 998)
