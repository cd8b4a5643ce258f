from __future__ import annotations

from pathlib import Path

import pytest

from notifier.model.secret import Secret
from notifier.settings.blobs import parse_blobs
from notifier.store.blobs import BlobsAt, InDirectory, InObjects, InRedis


@pytest.mark.parametrize(
    ("text", "chosen"),
    [
        ("redis:", InRedis()),
        ("redis:64MB", InRedis(64 * 2**20)),
        ("redis:2GB", InRedis(2 * 2**30)),
        ("dir:/srv/mail", InDirectory(Path("/srv/mail"))),
        ("s3://key:word@bucket/mail", InObjects(Secret("s3://key:word@bucket/mail"))),
    ],
)
def test_a_place_is_named_in_one_text(text: str, chosen: BlobsAt) -> None:
    assert parse_blobs(text) == chosen


@pytest.mark.parametrize(
    "text", ["", "dir", "dir:", "dir:mail", "dir:/srv/../etc", "redis:0MB", "redis://host", "redis:64", "/srv", "c:/x"]
)
def test_what_is_no_place_is_refused_with_what_is_one(text: str) -> None:
    with pytest.raises(ValueError, match=r"dir:|redis:"):
        parse_blobs(text)


def test_the_key_of_an_object_store_is_shown_nowhere() -> None:
    assert "word" not in repr(parse_blobs("s3://key:word@bucket/mail"))
