"""The stamp of a library: another one whenever a file has changed, came or went, and the same when nothing did."""

from __future__ import annotations

import os
from pathlib import Path

from notifier.rendering import TemplateLibrary


def test_every_change_makes_another_stamp(tmp_path: Path) -> None:
    library, file = TemplateLibrary((tmp_path,)), tmp_path / "_layouts" / "base.html.j2"
    stamps = [library.stamp()]
    file.parent.mkdir()
    file.write_text("one", encoding="utf-8")
    stamps.append(library.stamp())
    file.write_text("other", encoding="utf-8")
    stamps.append(library.stamp())
    os.utime(file, ns=(1, 1))
    stamps.append(library.stamp())
    file.rename(file.with_name("moved.html.j2"))
    stamps.append(library.stamp())
    assert len(set(stamps)) == len(stamps)
    assert library.stamp() == stamps[-1]


def test_what_goes_while_one_looks_is_no_error(tmp_path: Path) -> None:
    (tmp_path / "gone.j2").symlink_to(tmp_path / "nowhere")
    assert TemplateLibrary((tmp_path, tmp_path / "missing")).stamp()


def test_the_languages_are_those_of_its_folders(tmp_path: Path) -> None:
    (tmp_path / "hello").mkdir()
    (tmp_path / "hello" / "subject.txt.j2").write_text("Hello", encoding="utf-8")
    for tag in ("pt-BR", "de", "not a tag"):
        (tmp_path / "hello" / "locales" / tag).mkdir(parents=True)
    library = TemplateLibrary((tmp_path,))
    assert (library.locales("hello"), library.locales("nope")) == (("de", "pt-BR"), ())
