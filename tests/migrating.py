"""Migration guides, tried: the ``diff`` blocks of a guide are applied to a project, and nothing else is changed in it.

A block is what a reader sees: ``--- path`` and ``+++ path`` (from the project's folder; ``/dev/null`` before a new file), then
lines that stay, go (``-``) and come (``+``); ``@@`` stands between places of one file, without numbers. Several blocks may be
about one file; they are applied in the guide's order.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

TOP = Path(__file__).resolve().parents[1]
PATIENCE = 240  # seconds that a project's tests may take
_BLOCK = re.compile(r"^```diff\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_FILES = re.compile(r"^--- (\S+)\n\+\+\+ (\S+)\n", re.MULTILINE)
# Names of modules are the arguments: whatever imports one of them fails, as where its package is not installed.
_WITHOUT = """
import sys
sys.modules.update(dict.fromkeys(sys.argv[1].split()))
import pytest
sys.exit(pytest.main(sys.argv[2:]))
"""


def migrated(guide: Path, project: Path, tmp_path: Path, *, blocks: int | None = None) -> Path:
    """A copy of ``project`` in ``tmp_path``, changed by the diff blocks of ``guide``, or by the first ``blocks`` of them.

    Raises `AssertionError` where the guide shows lines that the project does not have, or has twice.
    """
    folder = tmp_path / f"{project.parent.name}-after"
    shutil.copytree(project, folder, ignore=shutil.ignore_patterns("__pycache__"))
    shown = _BLOCK.findall(guide.read_text(encoding="utf-8"))
    assert shown, f"{guide.name} shows no diff"
    for block in shown[:blocks]:
        for old, new, places in _by_file(block):
            _change(folder, old, new, places)
    return folder


def assert_tests_pass(project: Path, *, without: str = "", **environ: str) -> None:
    """Run the project's own tests in a process of their own; ``without``: modules that cannot be imported, with blanks between.

    The environment is this one's without its ``NOTIFIER_`` settings, with ``environ``.
    """
    inherited = {name: text for name, text in os.environ.items() if not name.startswith(("NOTIFIER_", "PYTEST_"))}
    search = os.pathsep.join([str(project), str(TOP)])
    # Our conftest.py and configuration are not the project's.
    apart = ["-c", os.devnull, "--rootdir", str(project), "--confcutdir", str(project), "-p", "no:cacheprovider"]
    ran = subprocess.run(
        [sys.executable, "-B", "-c", _WITHOUT, without, "-q", *apart, str(project)],
        env={**inherited, "PYTHONPATH": search, **environ},
        cwd=project,
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        check=False,
    )
    assert ran.returncode == 0, ran.stdout + ran.stderr


def _by_file(block: str) -> Iterator[tuple[str, str, list[str]]]:
    """Name before, name after, and the changed places of each file in a block."""
    before, *parts = _FILES.split(block)
    assert not before, f"a diff begins with --- and +++, and not with {before.splitlines()[0]!r}"
    for old, new, body in zip(parts[::3], parts[1::3], parts[2::3], strict=True):
        yield old, new, [place for place in re.split(r"^@@.*\n", body, flags=re.MULTILINE) if place]


def _change(folder: Path, old: str, new: str, places: list[str]) -> None:
    text = "" if old == os.devnull else (folder / old).read_text(encoding="utf-8")
    for place in places:
        gone, come = _side(place, "-"), _side(place, "+")
        found = (
            [match.start() for match in re.finditer(f"^{re.escape(gone)}", text, re.MULTILINE)] if gone else [len(text)]
        )
        assert len(found) == 1, f"{old} has these lines {len(found)} times:\n{gone}"
        text = text[: found[0]] + come + text[found[0] + len(gone) :]
    if new == os.devnull:
        assert not text, f"{old} goes, and the guide does not show that it has these lines:\n{text}"
    if old not in (new, os.devnull):
        (folder / old).unlink()
    if new != os.devnull:
        (folder / new).parent.mkdir(parents=True, exist_ok=True)
        (folder / new).write_text(text, encoding="utf-8")


def _side(place: str, sign: str) -> str:
    """The lines before (``-``) or after (``+``) the change; an empty line stays as one."""
    lines = place.splitlines(keepends=True)
    assert all(line[0] in "-+ \n" for line in lines), f"a line of a diff begins with a blank, - or +:\n{place}"
    return "".join(line if line == "\n" else line[1:] for line in lines if line[0] in (sign, " ", "\n"))
