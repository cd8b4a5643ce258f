"""What is seen by one look is what `Path` finds by many."""

from __future__ import annotations

import os
from collections import Counter
from pathlib import Path

import pytest

from notifier.rendering import Renderer, TemplateLibrary
from notifier.rendering.disk import changed, is_inside

pytestmark = pytest.mark.unit


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A folder with links of every kind."""
    root, outside = tmp_path.resolve() / "in", tmp_path.resolve() / "out"
    for folder in (root / "note", outside):
        folder.mkdir(parents=True)
        (folder / "file").write_text("text")
    links = {
        "note/out": outside / "file", "note/in": root / "note" / "file", "note/nowhere": root / "gone", "note/loop": root / "note" / "loop",
        "folder": outside, "again": root / "note", "note/up": root, "relative": Path("note/file"), "above": Path("../out/file"),
    }  # fmt: skip
    for name, target in links.items():
        (root / name).symlink_to(target)
    return root


@pytest.mark.parametrize(
    "path",
    ["note/file", "note", "note/out", "note/in", "note/nowhere", "note/loop", "note/loop/file", "folder/file", "again/file", "note/up/note/file",
     "relative", "above", "gone", "note/file/more", "note/../note/file", "../out/file", "note/a..b", "", "note//file", "note/./file"],
)  # fmt: skip
def test_a_look_finds_what_path_finds(root: Path, path: str) -> None:
    file = root / path
    assert changed(f"{root}/{path}") == (file.stat().st_mtime_ns if file.is_file() else None)
    if file.exists():
        assert is_inside(str(root), f"{root}/{path}") == file.resolve().is_relative_to(root)


def test_what_can_be_no_files_name_is_no_file_and_what_may_not_be_looked_at_is_told(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert changed(f"{root}/\0") is None

    def refused(path: str) -> os.stat_result:
        raise PermissionError(path)

    monkeypatch.setattr(os, "lstat", refused)
    with pytest.raises(PermissionError):
        changed(f"{root}/note/file")


def test_a_changed_target_of_a_link_is_a_change(root: Path) -> None:
    before = changed(f"{root}/note/in")
    os.utime(root / "note" / "file", ns=(1, 1))
    assert before != changed(f"{root}/note/in") == 1


def test_a_mail_looks_at_each_file_once(monkeypatch: pytest.MonkeyPatch) -> None:
    library = TemplateLibrary(look_every=60.0)
    renderer = Renderer(library)
    sample = next(iter(renderer.sample_contexts("welcome").values()))
    renderer.render("welcome", sample)
    looked: Counter[str] = Counter()
    lstat = os.lstat

    def counted(path: str) -> os.stat_result:
        looked[path] += 1
        return lstat(path)

    monkeypatch.setattr(os, "lstat", counted)
    library.glances._until = 0.0
    renderer.render("welcome", sample)
    assert looked
    assert set(looked.values()) == {1}
