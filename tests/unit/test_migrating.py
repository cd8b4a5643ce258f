"""The harness of the migration guides changes what a guide shows, and nothing else."""

from __future__ import annotations

from pathlib import Path

import pytest
from migrating import assert_tests_pass, migrated


def project(folder: Path, **files: str) -> Path:
    before = folder / "shop" / "before"
    before.mkdir(parents=True)
    for name, text in files.items():
        (before / f"{name}.py").write_text(text, encoding="utf-8")
    return before


def guide(folder: Path, *blocks: str) -> Path:
    page = folder / "guide.md"
    page.write_text("".join(f"Words.\n\n```diff\n{block}```\n" for block in blocks), encoding="utf-8")
    return page


def test_lines_go_and_come_where_the_guide_says(tmp_path: Path) -> None:
    before = project(tmp_path, app="import a\n\nx = 1\ny = 2\n", other="import a\n")
    page = guide(tmp_path, "--- app.py\n+++ app.py\n-import a\n+import b\n@@\n x = 1\n-y = 2\n+y = 3\n+z = 4\n")
    after = migrated(page, before, tmp_path)
    assert (after / "app.py").read_text() == "import b\n\nx = 1\ny = 3\nz = 4\n"
    assert (after / "other.py").read_text() == "import a\n"
    assert (before / "app.py").read_text() == "import a\n\nx = 1\ny = 2\n"


def test_files_come_and_go(tmp_path: Path) -> None:
    before = project(tmp_path, app="import a\n")
    page = guide(tmp_path, "--- /dev/null\n+++ new/worker.py\n+x = 1\n--- app.py\n+++ /dev/null\n-import a\n")
    after = migrated(page, before, tmp_path)
    assert [path.name for path in after.rglob("*.py")] == ["worker.py"]
    assert (after / "new" / "worker.py").read_text() == "x = 1\n"


@pytest.mark.parametrize("text", ["import b\n", "import a\nimport a\n", "# import a\n"])
def test_lines_that_are_not_there_exactly_once_fail(tmp_path: Path, text: str) -> None:
    with pytest.raises(AssertionError, match="has these lines"):
        migrated(
            guide(tmp_path, "--- app.py\n+++ app.py\n-import a\n+import b\n"), project(tmp_path, app=text), tmp_path
        )


def test_a_guide_without_a_diff_fails(tmp_path: Path) -> None:
    with pytest.raises(AssertionError, match="shows no diff"):
        migrated(guide(tmp_path), project(tmp_path), tmp_path)


@pytest.mark.long  # two processes
def test_a_projects_tests_do_not_find_the_package_that_it_left(tmp_path: Path) -> None:
    before = project(tmp_path, test_it="def test_it():\n    import colorsys\n")
    assert_tests_pass(before)
    with pytest.raises(AssertionError, match="colorsys"):
        assert_tests_pass(before, without="colorsys")
