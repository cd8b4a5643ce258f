"""Each fault that Notifier promises to survive has a test, and docs/explanation/faults.md names it."""

from __future__ import annotations

import re
from pathlib import Path

TESTS = Path(__file__).parents[1]
PAGE = (TESTS.parent / "docs" / "explanation" / "faults.md").read_text(encoding="utf-8")
ROW = re.compile(r"^\| (\d+)(?: to (\d+))? \| ([^|]+) \| ([^|]+) \|$", re.MULTILINE)
INPUT = re.compile(
    r"^\| input (\d+)(?: to (\d+))? \| ([^|]+) \| ([^|]+) \|$", re.MULTILINE
)  # of a part that counts anew
NAMED = re.compile(r"`(test_\w+\.py)::(?:(Test\w+)::)?(test_\w+)`")
INPUTS = {*range(35, 52), *range(74, 97)}
FAULTS = {*range(1, 91), *range(109, 121)}
# Whole only with what is not here: a day of time.
NOT_WHOLE = {89}


def rows() -> dict[int, str]:
    found = {}
    for first, last, _, shown in ROW.findall(PAGE):
        found |= dict.fromkeys(range(int(first), int(last or first) + 1), shown)
    return found


def test_no_fault_is_missing() -> None:
    assert rows().keys() == FAULTS


def test_what_is_not_shown_whole_says_why_and_the_rest_is_shown() -> None:
    assert {number for number, shown in rows().items() if "not shown whole: " in shown} == NOT_WHOLE
    assert [number for number, shown in rows().items() if number not in NOT_WHOLE and not NAMED.search(shown)] == []


def test_no_input_is_missing_and_each_is_shown_whole() -> None:
    found = INPUT.findall(PAGE)
    assert {number for first, last, _, _ in found for number in range(int(first), int(last or first) + 1)} == INPUTS
    assert all(NAMED.search(shown) and "not shown whole" not in shown for _, _, _, shown in found)


def test_every_test_that_is_named_is_there() -> None:
    sources = {path.name: path.read_text(encoding="utf-8") for path in TESTS.rglob("test_*.py")}
    named = NAMED.findall(PAGE)
    assert len(named) == PAGE.count(".py::"), "a name that is none"
    missing = [
        f"{file}::{test}"
        for file, group, test in named
        if f"def {test}(" not in sources.get(file, "") or (group and f"class {group}" not in sources[file])
    ]
    assert missing == []
