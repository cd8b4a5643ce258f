"""Through fsspec's own file system of the machine: what is told apart by it is told apart by an object store's."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from notifier.errors import BlobUnavailable, StoreUnavailable
from notifier.model.secret import Secret
from notifier.store import blob_name
from notifier.store.blobs.objects import ObjectBlobs

DATA = b"\x00\xff%PDF"
NAME = blob_name(DATA)
HOUR = 3600.0


@pytest.fixture
def place(tmp_path: Path) -> ObjectBlobs:
    return ObjectBlobs(Secret(f"file://{tmp_path}"), lambda: "epoch")


def test_octets_come_back(place: ObjectBlobs) -> None:
    place.put(NAME, DATA)
    assert place.get(NAME, 1000) == DATA


def test_an_object_that_is_too_big_is_not_read_to_its_end(place: ObjectBlobs) -> None:
    place.put(NAME, DATA)
    with pytest.raises(BlobUnavailable, match="more than 3 octets"):
        place.get(NAME, 3)


def test_an_object_that_is_gone_is_an_error_that_names_it(place: ObjectBlobs) -> None:
    with pytest.raises(BlobUnavailable, match=NAME):
        place.get(NAME, 1000)


def test_only_what_is_old_is_dropped(place: ObjectBlobs, tmp_path: Path) -> None:
    assert place.old(int(NAME[0], 16), 0.0) == []
    place.put(NAME, DATA)
    assert place.old(int(NAME[0], 16), HOUR) == []
    assert not place.drop(NAME, HOUR)
    os.utime(tmp_path / "epoch" / NAME[:2] / NAME, (0, 0))
    assert place.old(int(NAME[0], 16), HOUR) == [NAME]
    assert place.drop(NAME, HOUR)
    assert not place.drop(NAME, HOUR)


def test_a_put_makes_the_object_young(place: ObjectBlobs, tmp_path: Path) -> None:
    place.put(NAME, DATA)
    os.utime(tmp_path / "epoch" / NAME[:2] / NAME, (0, 0))
    place.put(NAME, DATA)
    assert not place.drop(NAME, HOUR)


def test_a_place_that_cannot_be_written_is_an_error_without_the_key_in_its_url(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    place = ObjectBlobs(Secret(f"file://user:hunter2@{tmp_path}/file"), lambda: "epoch")
    with pytest.raises(StoreUnavailable) as caught:
        ObjectBlobs(Secret(f"file://{tmp_path}/file"), lambda: "epoch").put(NAME, DATA)
    assert "NOTIFIER_BLOBS" in str(caught.value)
    assert "hunter2" not in repr(place)
