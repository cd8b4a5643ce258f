from __future__ import annotations

import base64
import hashlib
import tracemalloc

import pytest
from dkim.canonicalization import Relaxed
from hypothesis import given
from hypothesis import strategies as st

from notifier.mime.canonical import fields_of, relaxed_body_hash, relaxed_field

BLOCK = 64 * 1024

LINES = st.lists(st.text("ab \t.", max_size=6), max_size=8).map(lambda lines: "\r\n".join(lines).encode())


def hashed(body: bytes) -> bytes:
    return relaxed_body_hash([body])


@given(LINES)
def test_the_body_is_hashed_as_dkimpy_hashes_it(body: bytes) -> None:
    assert hashed(body + b"\r\n") == hashlib.sha256(Relaxed.canonicalize_body(body + b"\r\n")).digest()


@given(LINES, st.data())
def test_where_a_block_ends_makes_no_difference(body: bytes, data: st.DataObject) -> None:
    cuts = sorted(data.draw(st.lists(st.integers(0, len(body)), max_size=8)))
    blocks = [body[start:end] for start, end in zip([0, *cuts], [*cuts, len(body)], strict=True)]
    assert b"".join(blocks) == body
    assert relaxed_body_hash(blocks) == hashed(body)


@given(st.text("ab \t:", max_size=40).map(str.strip), st.integers(0, 40))
def test_a_field_is_as_dkimpy_has_it(value: str, fold_at: int) -> None:
    folded = f"Subject : {value[:fold_at]}\r\n {value[fold_at:]}".encode()
    ((name, text),) = Relaxed.canonicalize_headers([(b"Subject ", folded.partition(b":")[2] + b"\r\n")])
    assert relaxed_field(folded) + b"\r\n" == name + b":" + text


@pytest.mark.parametrize("body", [b"", b"\r\n", b"\r\n\r\n\r\n", b" \t\r\n \r\n"])
def test_a_body_without_text_is_empty(body: bytes) -> None:
    """The value that RFC 6376 section 3.4.4 gives for it."""
    assert base64.b64encode(hashed(body)) == b"47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU="


@pytest.mark.parametrize(("field", "relaxed"), [(b"A: X", b"a:X"), (b"B : Y\t\r\n\tZ  ", b"b:Y Z")])
def test_the_fields_of_the_rfcs_example(field: bytes, relaxed: bytes) -> None:
    """RFC 6376 section 3.4.5."""
    assert relaxed_field(field) == relaxed


def test_the_body_of_the_rfcs_example() -> None:
    """RFC 6376 section 3.4.5."""
    assert hashed(b" C \r\nD \t E\r\n\r\n\r\n") == hashlib.sha256(b" C\r\nD E\r\n").digest()


def test_the_last_line_need_not_end() -> None:
    assert hashed(b"a\r\nb ") == hashed(b"a\r\nb\r\n")


def test_a_field_keeps_its_folds_until_it_is_relaxed() -> None:
    assert fields_of(b"From: a\r\n b\r\nTo: c\r\n") == [b"From: a\r\n b", b"To: c"]


@pytest.mark.long
@pytest.mark.parametrize("line", [b"YWJj" * 19 + b"\r\n", b"word " * 199 + b"\tend  \r\n"])
def test_a_big_body_is_not_copied(line: bytes) -> None:
    block = line * (BLOCK // len(line))
    blocks = (block for _ in range(25_000_000 // len(block)))
    tracemalloc.start()
    try:
        relaxed_body_hash(blocks)
        most = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert most < 16 * BLOCK


def test_a_line_may_be_longer_than_a_block() -> None:
    line = b"x  y" * BLOCK
    blocks = [line[start : start + BLOCK] for start in range(0, len(line), BLOCK)]
    assert relaxed_body_hash([*blocks, b"\r\n"]) == hashlib.sha256(line.replace(b"  ", b" ") + b"\r\n").digest()
