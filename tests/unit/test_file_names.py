"""pytest finds a test file by its bare name: two of one name end the whole run, and only the whole run shows it."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

TESTS = Path(__file__).parents[1]


def test_no_two_test_files_have_one_name() -> None:
    collected = [path for path in TESTS.rglob("*.py") if "migrations" not in path.parts]
    names = Counter(path.name for path in collected if path.name not in ("conftest.py", "__init__.py"))
    assert [name for name, count in names.items() if count > 1] == []
