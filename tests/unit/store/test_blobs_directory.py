from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from pathlib import Path

import pytest
from cryptography.fernet import Fernet
from read_in_blocks import Read

from notifier.delivery.attached_files import read_file
from notifier.errors import BlobUnavailable, InvalidAttachment, StoreError, StoreUnavailable
from notifier.model.octets import Source, Streamed
from notifier.model.reread import read_once
from notifier.model.secret import Secret
from notifier.store import blob_name
from notifier.store.blobs import Blobs
from notifier.store.blobs.directory import DirectoryBlobs
from notifier.store.sealing import Seal

DATA = b"\x00\xff%PDF"
NAME = blob_name(DATA)
HOUR = 3600.0
HOSTILE = ["../../../etc/passwd", "/etc/passwd", "", "F" * 64, "f" * 63, "f" * 64 + "\n", "f" * 63 + "/"]


@pytest.fixture
def place(tmp_path: Path) -> DirectoryBlobs:
    return DirectoryBlobs(tmp_path, lambda: "epoch")


@pytest.fixture
def blobs(place: DirectoryBlobs) -> Blobs:
    return Blobs([place], limit=1000, referenced=lambda names: frozenset())


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "epoch" / NAME[:2] / NAME


def grown_old(file: Path, seconds: float = 2 * HOUR) -> None:
    then = file.stat().st_mtime - seconds
    os.utime(file, (then, then))


def test_a_blob_is_one_file_under_its_digest_for_nobody_else_to_read(blobs: Blobs, file: Path) -> None:
    assert blobs.put(DATA) == NAME
    assert file.read_bytes() == DATA
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert stat.S_IMODE(file.parent.stat().st_mode) == 0o700
    assert [one.name for one in file.parent.iterdir()] == [NAME]
    assert blobs.get(NAME) == DATA


def test_a_blob_that_is_put_again_is_young_again_and_not_written(blobs: Blobs, file: Path) -> None:
    blobs.put(DATA)
    grown_old(file)
    before = file.stat()
    blobs.put(DATA)
    assert file.stat().st_ino == before.st_ino
    assert file.stat().st_mtime > before.st_mtime + HOUR


def test_half_a_file_is_written_anew(blobs: Blobs, file: Path) -> None:
    blobs.put(DATA)
    file.write_bytes(DATA[:2])
    blobs.put(DATA)
    assert blobs.get(NAME) == DATA


@pytest.mark.parametrize("name", HOSTILE)
def test_no_name_from_a_record_becomes_a_path(blobs: Blobs, name: str) -> None:
    with pytest.raises(BlobUnavailable, match="no name of a blob"):
        blobs.get(name)


def test_octets_with_another_digest_are_not_handed_out(blobs: Blobs, file: Path) -> None:
    blobs.put(DATA)
    file.write_bytes(DATA[::-1])
    with pytest.raises(BlobUnavailable, match=f"{NAME} in .* is damaged"):
        blobs.get(NAME)


def test_a_link_is_not_followed(blobs: Blobs, file: Path, tmp_path: Path) -> None:
    blobs.put(DATA)
    elsewhere = tmp_path / "elsewhere"
    file.rename(elsewhere)
    file.symlink_to(elsewhere)
    with pytest.raises(BlobUnavailable):
        blobs.get(NAME)


def test_a_folder_that_is_a_link_is_not_entered(blobs: Blobs, file: Path, tmp_path: Path) -> None:
    blobs.put(DATA)
    file.parent.rename(tmp_path / "elsewhere")
    file.parent.symlink_to(tmp_path / "elsewhere")
    with pytest.raises(BlobUnavailable):
        blobs.get(NAME)
    with pytest.raises(StoreUnavailable):
        blobs.put(DATA)


def test_a_fifo_neither_hangs_nor_is_read(blobs: Blobs, file: Path) -> None:
    blobs.put(DATA)
    file.unlink()
    os.mkfifo(file)
    with pytest.raises(BlobUnavailable, match="no regular file"):
        blobs.get(NAME)


def test_a_file_that_has_grown_is_read_up_to_the_limit_and_refused(place: DirectoryBlobs, file: Path) -> None:
    place.put(NAME, DATA)
    with file.open("ab") as more:
        more.truncate(2**40)
    with pytest.raises(BlobUnavailable, match="more than 1,000 octets"):
        place.get(NAME, 1000)


def test_a_directory_that_is_not_there_is_never_made(tmp_path: Path) -> None:
    missing = DirectoryBlobs(tmp_path / "unmounted", lambda: "epoch")
    with pytest.raises(StoreUnavailable, match=r"unmounted.*NOTIFIER_BLOBS"):
        missing.put(NAME, DATA)
    assert not (tmp_path / "unmounted").exists()


def test_a_blob_that_is_not_here_names_itself_the_directory_and_what_to_do(blobs: Blobs, tmp_path: Path) -> None:
    with pytest.raises(BlobUnavailable) as caught:
        blobs.get(NAME)
    words = str(caught.value)
    assert NAME in words
    assert str(tmp_path) in words
    assert os.uname().nodename in words
    assert "share it with this host" in words


def test_a_write_that_fails_leaves_no_draft(blobs: Blobs, file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "rename", full)
    with pytest.raises(StoreUnavailable, match="No space left"):
        blobs.put(DATA)
    assert list(file.parent.iterdir()) == []


def test_two_ledgers_in_one_directory_do_not_meet(tmp_path: Path) -> None:
    ours, theirs = (DirectoryBlobs(tmp_path, lambda mark=mark: mark) for mark in ("ours", "theirs"))
    theirs.put(NAME, DATA)
    assert [ours.old(turn, 0.0) for turn in range(16)] == [[]] * 16
    assert not ours.drop(NAME, 0.0)
    assert theirs.get(NAME, 1000) == DATA


def test_what_is_old_is_told_in_the_turn_of_its_first_digit(place: DirectoryBlobs, file: Path) -> None:
    place.put(NAME, DATA)
    assert place.old(int(NAME[0], 16), HOUR) == []
    grown_old(file)
    assert [place.old(turn, HOUR) for turn in range(16)] == [
        [NAME] if turn == int(NAME[0], 16) else [] for turn in range(16)
    ]


def test_what_was_put_again_is_not_dropped(place: DirectoryBlobs, file: Path) -> None:
    place.put(NAME, DATA)
    grown_old(file)
    place.put(NAME, DATA)
    assert not place.drop(NAME, HOUR)
    grown_old(file)
    assert place.drop(NAME, HOUR)
    assert not place.drop(NAME, HOUR)
    assert not file.exists()


def test_a_put_between_the_look_and_the_drop_keeps_the_blob(
    place: DirectoryBlobs, file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    place.put(NAME, DATA)
    grown_old(file)
    rename = os.rename

    def late(source: str, target: str, **where: int) -> None:
        if target.startswith(".doomed"):
            os.utime(source, dir_fd=where["src_dir_fd"])  # what a put does
        rename(source, target, **where)

    monkeypatch.setattr(os, "rename", late)
    assert not place.drop(NAME, HOUR)
    assert place.get(NAME, 1000) == DATA


def test_what_a_killed_collector_had_in_hand_comes_back(place: DirectoryBlobs, file: Path) -> None:
    place.put(NAME, DATA)
    file.rename(file.with_name(f".doomed.{NAME}.1234"))
    place.old(int(NAME[0], 16), HOUR)
    assert place.get(NAME, 1000) == DATA


def test_a_killed_writers_draft_goes_when_it_is_old(place: DirectoryBlobs, file: Path) -> None:
    place.put(NAME, DATA)
    drafts = [file.with_name(f".draft.{NAME}.{number}") for number in range(2)]
    for draft in drafts:
        draft.write_bytes(b"half")
    grown_old(drafts[0])
    place.old(int(NAME[0], 16), HOUR)
    assert [draft.exists() for draft in drafts] == [False, True]


@pytest.fixture
def closed(tmp_path: Path, file: Path, place: DirectoryBlobs) -> Iterator[None]:
    place.put(NAME, DATA)
    (tmp_path / "epoch").rename(tmp_path / "moved")
    (tmp_path / "epoch").write_bytes(b"no folder")
    yield
    (tmp_path / "epoch").unlink()


def test_a_directory_that_cannot_be_collected_is_an_error_that_names_it(
    closed: None, place: DirectoryBlobs, tmp_path: Path
) -> None:
    with pytest.raises(StoreError, match=str(tmp_path)):
        place.old(int(NAME[0], 16), HOUR)


# read as it is needed ---------------------------------------------------------------------------------------------------

BIG = bytes(range(256)) * 600


@pytest.fixture
def roomy(place: DirectoryBlobs) -> Blobs:
    return Blobs([place], limit=10**6, referenced=lambda names: frozenset())


def opened(blobs: Blobs, name: str) -> Source:
    found = blobs.open(name)
    assert not isinstance(found, bytes)
    return found


def test_a_blob_that_is_opened_is_read_in_pieces_again_and_again(roomy: Blobs) -> None:
    found = opened(roomy, roomy.put(BIG))
    assert len(found) == len(BIG)
    assert len(list(found)) > 1
    assert b"".join(found) == b"".join(found) == BIG


def test_what_is_put_in_pieces_is_the_same_blob(roomy: Blobs) -> None:
    name = roomy.put(Streamed([BIG[:100], BIG[100:]]))
    assert name == blob_name(BIG)
    assert roomy.get(name) == BIG


@pytest.mark.parametrize("damaged", [BIG[:-1] + b"?", BIG + b"?", BIG[:-1], b""])
def test_of_a_damaged_blob_the_last_block_never_comes(roomy: Blobs, tmp_path: Path, damaged: bytes) -> None:
    name = roomy.put(BIG)
    found = opened(roomy, name)
    (tmp_path / "epoch" / name[:2] / name).write_bytes(damaged)
    came: list[bytes] = []
    with pytest.raises(BlobUnavailable, match="damaged"):
        came.extend(found)
    assert len(b"".join(came)) < len(BIG)


def test_a_damaged_blob_is_found_when_it_is_opened(roomy: Blobs, tmp_path: Path) -> None:
    name = roomy.put(BIG)
    (tmp_path / "epoch" / name[:2] / name).write_bytes(BIG[:-1] + b"?")
    with pytest.raises(BlobUnavailable, match="damaged"):
        roomy.open(name)


def test_a_blob_that_went_in_the_meantime_is_told_as_missing(roomy: Blobs, tmp_path: Path) -> None:
    name = roomy.put(BIG)
    found = opened(roomy, name)
    (tmp_path / "epoch" / name[:2] / name).unlink()
    with pytest.raises(BlobUnavailable, match="cannot be read"):
        list(found)


def reread(*readings: bytes) -> Source:
    """A file of a call that says something else each time."""
    left = list(readings)
    found = read_once("the file", lambda: Read(left.pop(0), 1000), held=100)
    assert not isinstance(found, bytes)
    return found


def test_a_file_of_a_call_is_read_once_more_when_it_is_put_and_not_if_it_is_there(roomy: Blobs) -> None:
    assert roomy.put(reread(BIG, BIG)) == blob_name(BIG)
    assert roomy.get(blob_name(BIG)) == BIG
    assert roomy.put(reread(BIG, b"")) == blob_name(BIG)


@pytest.mark.parametrize("now", [BIG[:-1] + b"?", BIG + b"?", BIG[:-1], b""])
@pytest.mark.parametrize("sealed", [False, True])
def test_one_that_has_changed_is_refused_and_nothing_of_it_stays(
    roomy: Blobs, place: DirectoryBlobs, tmp_path: Path, now: bytes, sealed: bool
) -> None:
    seal = Seal([Secret(Fernet.generate_key().decode())] * sealed)
    blobs = Blobs([place], limit=10**6, referenced=lambda names: frozenset(), seal=seal)
    with pytest.raises(InvalidAttachment, match="the file was changed"):
        blobs.put(reread(BIG, now))
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == []


def test_one_that_cannot_be_read_any_more_is_the_callers_error_and_not_the_stores(roomy: Blobs, tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(BIG)
    found = read_file(tmp_path / "file", limit=10**6)
    (tmp_path / "file").unlink()
    with pytest.raises(InvalidAttachment, match="cannot be read: No such file"):
        roomy.put(found)
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == []


def test_a_sealed_blob_is_opened_whole(place: DirectoryBlobs) -> None:
    seal = Seal([Secret(Fernet.generate_key().decode())])
    sealed = Blobs([place], limit=10**6, referenced=lambda names: frozenset(), seal=seal)
    name = sealed.put(Streamed([BIG]))
    assert sealed.open(name) == BIG


@pytest.mark.parametrize("name", HOSTILE)
def test_no_name_leads_out_of_the_folder_when_it_is_opened(roomy: Blobs, name: str) -> None:
    with pytest.raises(BlobUnavailable):
        roomy.open(name)
