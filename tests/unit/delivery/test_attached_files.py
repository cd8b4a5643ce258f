"""Files by their path: section 2.6 of the faults, numbers 89 and 94. Real files, real links, no stand-in for the disk."""

from __future__ import annotations

import os
import tempfile
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from notifier.delivery import attached_files
from notifier.delivery.attached_files import HELD, read_file
from notifier.errors import InvalidAttachment, MailTooLarge
from notifier.model.octets import Source, whole

LIMIT = 100_000


@pytest.fixture
def root(tmp_path: Path) -> Path:
    (tmp_path / "secret").write_bytes(b"not to be attached")
    (tmp_path / "root" / "invoices").mkdir(parents=True)
    (tmp_path / "root" / "invoices" / "1.pdf").write_bytes(b"%PDF")
    return tmp_path / "root"


def read(path: object, *roots: Path) -> bytes:
    return whole(read_file(path, limit=LIMIT, roots=roots))


def test_a_file_below_a_root_is_read(root: Path, tmp_path: Path) -> None:
    assert read(str(root / "invoices" / "1.pdf"), tmp_path / "other", root) == b"%PDF"
    assert read(root / "invoices" / "1.pdf", root) == b"%PDF"


def test_a_relative_path_is_one_of_the_folder_that_the_process_is_in(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(root / "invoices")
    assert read("1.pdf", root) == b"%PDF"
    with pytest.raises(InvalidAttachment, match="NOTIFIER_ATTACHMENT_ROOTS"):
        read("1.pdf", root / "other")


@pytest.mark.parametrize(
    "path",
    [
        "../../etc/passwd", "{root}/../secret", "{root}/invoices/../../secret", "{root}/invoices/../invoices/1.pdf",
        "/etc/shadow", "/etc/passwd", "{root}-other/1.pdf", "{root}", "{root}/", "/", "", ".", "..",
    ],
)  # fmt: skip
def test_a_path_that_leads_elsewhere_is_refused_by_its_name(root: Path, path: str) -> None:
    with pytest.raises(InvalidAttachment, match="NOTIFIER_ATTACHMENT_ROOTS"):
        read(path.format(root=root), root)


@pytest.mark.parametrize("url", ["file:///etc/passwd", "phar://x/y", "FILE://etc/passwd", "http://h/x", "gopher:/x"])
@pytest.mark.parametrize("rooted", [True, False])
def test_a_scheme_is_no_path(root: Path, url: str, rooted: bool) -> None:
    with pytest.raises(InvalidAttachment, match="a path is no URL"):
        read(url, *[root] * rooted)


@pytest.mark.parametrize("path", [7, None, b"/etc/passwd", ["x"], {}])
def test_what_is_no_text_is_no_path(path: object) -> None:
    with pytest.raises(InvalidAttachment, match="text or a Path"):
        read(path)


def test_a_nul_ends_no_path(root: Path) -> None:
    for roots in ((), (root,)):
        with pytest.raises(InvalidAttachment, match="cannot be read"):
            read(f"{root}/invoices/1.pdf\0.png", *roots)


def test_no_link_below_a_root_is_followed_be_it_a_file_or_a_folder(root: Path, tmp_path: Path) -> None:
    (root / "file").symlink_to(tmp_path / "secret")
    (root / "inside").symlink_to(root / "invoices" / "1.pdf")
    (root / "folder").symlink_to(tmp_path)
    (root / "invoices" / "up").symlink_to("..")
    for path in ("file", "inside", "folder/secret", "invoices/up/invoices/1.pdf"):
        with pytest.raises(InvalidAttachment, match="cannot be read"):
            read(root / path, root)


def test_the_root_itself_may_be_a_link(root: Path, tmp_path: Path) -> None:
    (tmp_path / "current").symlink_to(root)
    assert read(tmp_path / "current" / "invoices" / "1.pdf", tmp_path / "current") == b"%PDF"


def test_a_second_name_of_a_file_is_refused_below_a_root(root: Path, tmp_path: Path) -> None:
    (root / "hard").hardlink_to(tmp_path / "secret")
    with pytest.raises(InvalidAttachment, match="2 names"):
        read(root / "hard", root)
    assert read(root / "hard") == b"not to be attached", "without roots the process attaches what it may read"


def test_a_folder_that_is_exchanged_for_a_link_in_the_middle_leads_nowhere(
    root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "elsewhere" / "1.pdf").write_bytes(b"not to be attached")
    walked = attached_files._walked

    def swap_first(at: Path, parts: tuple[str, ...]) -> int:  # after the names were checked, before anything is opened
        (root / "invoices").rename(root / "moved")
        (root / "invoices").symlink_to(tmp_path / "elsewhere")
        return walked(at, parts)

    monkeypatch.setattr(attached_files, "_walked", swap_first)
    with pytest.raises(InvalidAttachment, match="cannot be read"):
        read(root / "invoices" / "1.pdf", root)


def test_whoever_swaps_file_and_link_all_the_time_gets_the_file_or_an_error(root: Path, tmp_path: Path) -> None:
    path, link = root / "invoices" / "1.pdf", root / "invoices" / "link"
    with _swapping(path, link, tmp_path / "secret"):
        seen = {_read_or_error(path, root) for _ in range(2000)}
    assert seen <= {b"%PDF", b"error"}


@contextmanager
def _swapping(path: Path, link: Path, target: Path) -> Iterator[None]:
    over = threading.Event()

    def swap() -> None:
        draft = path.with_name("draft")
        while not over.is_set():
            link.symlink_to(target)
            link.rename(path)
            draft.write_bytes(b"%PDF")
            draft.rename(path)

    thread = threading.Thread(target=swap)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()


def _read_or_error(path: Path, root: Path) -> bytes:
    try:
        return read(path, root)
    except InvalidAttachment:
        return b"error"


@pytest.mark.parametrize("rooted", [True, False])
def test_what_is_no_regular_file_is_refused_and_hangs_nobody(root: Path, rooted: bool) -> None:
    os.mkfifo(root / "fifo")
    for path in (root / "fifo", root / "invoices"):
        with pytest.raises(InvalidAttachment, match="regular file"):
            read(path, *[root] * rooted)
    with pytest.raises(InvalidAttachment, match="cannot be read"):
        read(root / "nothing", *[root] * rooted)


def test_a_file_that_may_not_be_read_is_named() -> None:
    with tempfile.TemporaryDirectory() as folder:  # where everybody comes as far as the file
        Path(folder).chmod(0o755)
        (Path(folder) / "1.pdf").write_bytes(b"%PDF")
        (Path(folder) / "1.pdf").chmod(0)
        with _as_nobody(), pytest.raises(InvalidAttachment, match=r"1\.pdf cannot be read: Permission denied"):
            read(Path(folder) / "1.pdf", Path(folder))


@contextmanager
def _as_nobody() -> Iterator[None]:
    """Root reads everything, so root steps down."""
    was = os.geteuid()
    if was == 0:
        os.seteuid(65534)
    try:
        yield
    finally:
        os.seteuid(was)


def test_nothing_and_as_much_as_may_be_are_read(root: Path) -> None:
    for size in (0, LIMIT):
        (root / "file").write_bytes(b"x" * size)
        assert len(read(root / "file", root)) == size


def test_of_a_file_over_the_limit_nothing_is_read(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with (root / "file").open("wb") as file:
        file.truncate(2**30)
    monkeypatch.delattr(attached_files, "_octets")
    with pytest.raises(MailTooLarge, match="100,000"):
        read(root / "file", root)


def meanwhile(monkeypatch: pytest.MonkeyPatch, happens: Callable[[], object]) -> None:
    """Once, after the size was looked at and before the first block is read."""
    octets = attached_files._octets

    def after_it(descriptor: int) -> Iterator[bytes]:
        monkeypatch.setattr(attached_files, "_octets", octets)
        happens()
        yield from octets(descriptor)

    monkeypatch.setattr(attached_files, "_octets", after_it)


def test_a_file_that_grows_while_it_is_read_is_over_the_limit_all_the_same(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (root / "file").write_bytes(b"x" * LIMIT)
    meanwhile(monkeypatch, lambda: os.truncate(root / "file", 2**30))
    with pytest.raises(MailTooLarge):
        read(root / "file", root)


@pytest.mark.parametrize("size", [10, LIMIT - 10])
@pytest.mark.parametrize("by", [-10, -1, 1, 10])
def test_a_file_that_is_cut_or_written_on_while_it_is_read_is_refused(
    root: Path, monkeypatch: pytest.MonkeyPatch, size: int, by: int
) -> None:
    (root / "file").write_bytes(b"x" * size)
    meanwhile(monkeypatch, lambda: os.truncate(root / "file", size + by))
    with pytest.raises(InvalidAttachment, match="was changed while it was read"):
        read(root / "file", root)


def test_a_file_that_is_written_over_while_it_is_read_is_refused_though_its_size_stays(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (root / "file").write_bytes(b"x" * 10)
    os.utime(root / "file", (0, 0))  # long ago: two writes in one tick of the clock have one time
    meanwhile(monkeypatch, lambda: (root / "file").write_bytes(b"y" * 10))
    with pytest.raises(InvalidAttachment, match="was changed while it was read"):
        read(root / "file", root)


# big files, which are read again when they are kept ------------------------------------------------------------------


def big(root: Path) -> Source:
    (root / "big").write_bytes(b"x" * (HELD + 1))
    found = read_file(root / "big", limit=LIMIT, roots=[root])
    assert not isinstance(found, bytes)
    return found


def test_no_more_than_a_block_of_a_big_file_is_held(root: Path) -> None:
    found = big(root)
    assert len(found) == HELD + 1
    assert max(map(len, found)) <= attached_files.BLOCK
    assert whole(found) == whole(found) == b"x" * (HELD + 1)


def test_a_small_one_is_held_and_may_change_at_once(root: Path) -> None:
    (root / "small").write_bytes(b"x" * HELD)
    found = read_file(root / "small", limit=LIMIT, roots=[root])
    (root / "small").unlink()
    assert found == b"x" * HELD


@pytest.mark.parametrize("now", [b"y" + b"x" * HELD, b"x" * HELD, b"x" * (HELD + 2), b"x" * HELD + b"y", b""])
def test_one_that_has_changed_since_never_comes_to_its_end(root: Path, now: bytes) -> None:
    found, came = big(root), []
    (root / "big").write_bytes(now)
    with pytest.raises(InvalidAttachment, match=r"big was changed while it was read; .* try again"):
        came.extend(found)
    assert len(b"".join(came)) <= HELD


def test_what_was_put_in_its_place_is_looked_at_as_strictly_as_the_file_itself(root: Path, tmp_path: Path) -> None:
    found = big(root)
    (tmp_path / "elsewhere").write_bytes(b"x" * (HELD + 1))
    (root / "big").unlink()
    with pytest.raises(InvalidAttachment, match=r"big cannot be read: No such file"):
        list(found)
    (root / "big").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(InvalidAttachment, match="cannot be read"):
        list(found)
    (root / "big").unlink()
    (root / "big").hardlink_to(tmp_path / "elsewhere")
    with pytest.raises(InvalidAttachment, match="2 names"):
        list(found)


def test_one_that_grows_beyond_the_limit_since_is_over_it(root: Path) -> None:
    found = big(root)
    os.truncate(root / "big", 2**30)
    with pytest.raises(MailTooLarge):
        list(found)


def test_no_descriptor_is_left_open_whatever_happens(root: Path) -> None:
    os.mkfifo(root / "fifo")
    (root / "folder").symlink_to(root / "invoices")
    before = len(list(Path("/proc/self/fd").iterdir()))
    for path in ("invoices/1.pdf", "fifo", "folder/1.pdf", "nothing/at/all", "invoices"):
        _read_or_error(root / path, root)
    assert len(list(Path("/proc/self/fd").iterdir())) == before
