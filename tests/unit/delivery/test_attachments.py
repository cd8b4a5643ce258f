"""Octets of attachments as calls give them: section 2.6 of the faults, numbers 91 to 94."""

from __future__ import annotations

import base64
import gzip
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from notifier.delivery.attachments import GivenFile, read_attachment
from notifier.errors import InvalidAttachment, MailTooLarge
from notifier.model.content import Attachment

LIMIT = 100_000


def read(data: object, **more: object) -> GivenFile:
    return read_attachment({"filename": "a.bin", "data": data, **more}, limit=LIMIT, allow_paths=False)


@given(st.binary(max_size=200))
def test_octets_and_their_base64_text_are_the_same_attachment(data: bytes) -> None:
    text = base64.b64encode(data).decode()
    assert read(data) == read(text) == read(bytearray(data)) == read(memoryview(data))


@pytest.mark.parametrize(
    "text",
    [
        "!", "YQ", "YQ=", "YQ==x", "Y Q==", "YQ==\n", "YQ-_", "data:application/pdf;base64,YQ==", "data:" + ";" * 50_000 + ",", "ü", "\ud800",
        "=" * 1000, "a" * 4001,
    ],
    ids=lambda text: repr(text)[:20],
)  # fmt: skip
def test_what_is_no_base64_is_refused(text: str) -> None:
    with pytest.raises(InvalidAttachment, match="base64"):
        read(text)


@given(st.text("AYQ=+/ \n-é", max_size=12))
def test_any_text_is_base64_or_refused(text: str) -> None:
    with suppress(InvalidAttachment):
        assert read(text).data == base64.b64decode(text, validate=True)


def test_what_is_too_big_is_not_decoded_first(monkeypatch: pytest.MonkeyPatch) -> None:
    assert len(read("A" * (LIMIT // 3 * 4)).data) == LIMIT // 3 * 3
    monkeypatch.delattr(base64, "b64decode")
    with pytest.raises(MailTooLarge, match="100,000"):
        read("A" * 4 * LIMIT)
    with pytest.raises(MailTooLarge):
        read(b"x" * (LIMIT + 1))


@pytest.mark.long
def test_a_bomb_goes_along_as_it_is_and_is_unpacked_by_nobody() -> None:
    bomb = gzip.compress(bytes(50 * 2**20))
    packed = read_attachment({"filename": "a.csv.gz", "data": bomb}, limit=LIMIT, allow_paths=False)
    assert (packed.data, packed.content_type) == (bomb, "application/octet-stream")


@pytest.mark.parametrize(
    ("more", "why"),
    [
        ({"filename": "a\r\nBcc: x"}, "control"), ({"filename": "../a"}, "folders"), ({"filename": None}, "filename"),
        ({"content_type": "text/html\r\nX: y"}, "content type"), ({"content_type": "multipart/x"}, "content type"),
        ({"content_type": 7}, "content type"), ({"content_id": "x"}, "unknown field content_id"),
    ],
)  # fmt: skip
def test_a_name_or_type_that_would_break_the_mail_is_refused_at_the_call(more: dict[str, object], why: str) -> None:
    with pytest.raises(InvalidAttachment, match=why):
        read(b"x", **more)


def test_one_made_by_hand_is_checked_as_well() -> None:
    for made in (Attachment("a/b", "text/plain", b""), Attachment("a", "multipart/x", b"")):
        with pytest.raises(InvalidAttachment):
            read_attachment(made, limit=LIMIT, allow_paths=True)
    with pytest.raises(MailTooLarge):
        read_attachment(Attachment("a", "text/plain", b"x" * (LIMIT + 1)), limit=LIMIT, allow_paths=True)
    with pytest.raises(InvalidAttachment, match="not str"):
        read_attachment(Attachment("a", "text/plain", "text"), limit=LIMIT, allow_paths=True)  # type: ignore[arg-type]
