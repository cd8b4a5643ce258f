"""What is promised in the documentation is checked against the code."""

from __future__ import annotations

import re
import sys
from pathlib import Path

import pytest

import notifier
from notifier.protocol.taxonomy import ROWS
from notifier.tasks.options import HARMLESS, MADE_TRUE, REFUSED

TOP = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(TOP))

from benchmarks import readme  # noqa: E402 - the top of the tree is no package of the suite
from docs.reference.pages import PAGES  # noqa: E402
from docs.reference.rows import MEANING  # noqa: E402


@pytest.mark.parametrize("name", PAGES)
def test_the_reference_is_what_the_code_says(name: str) -> None:
    written = (TOP / "docs" / "reference" / name).read_text(encoding="utf-8")
    assert written == PAGES[name](), "run: python -m docs.reference"


def test_every_row_of_the_taxonomy_has_its_words() -> None:
    assert list(MEANING) == list(ROWS)


def test_the_page_about_celerys_options_is_what_the_code_says() -> None:
    page = (TOP / "docs" / "adr" / "0003-celery-options.md").read_text(encoding="utf-8")
    for title, table in (("made true", MADE_TRUE), ("harmless", HARMLESS), ("refused", REFUSED)):
        for name, meaning in table.items():
            assert f"| `{name}` | {title} | {meaning} |" in page


def test_every_public_name_is_there_and_told() -> None:
    readme = (TOP / "README.md").read_text(encoding="utf-8")
    for name in notifier.__all__:
        assert getattr(notifier, name) is not None
    assert {"send_email", "send_bulk", "status", "cancel"} <= set(re.findall(r"[a-z_]+", readme))


@pytest.mark.parametrize("page", ["README.md", "CONTRIBUTING.md"])
def test_every_file_that_a_page_names_is_there(page: str) -> None:
    text = (TOP / page).read_text(encoding="utf-8")
    links = re.findall(r"\]\(([^)#]+)\)", text)
    rooms = ("tasks", "store", "delivery", "pool", "smtp", "protocol", "retry", "model", "cli")
    named = [f"notifier/{name}" for name in re.findall(rf"`((?:{'|'.join(rooms)})/[\w/]+\.\w+)`", text)]
    named += re.findall(r"`((?:notifier|docs|tests|templates)/[\w/.-]+)`", text)
    missing = [name for name in (*links, *named) if not (TOP / name).exists()]
    assert not missing


def test_every_row_of_the_drop_ins_table_has_its_test() -> None:
    page = (TOP / "docs" / "reference" / "dropin.md").read_text(encoding="utf-8")
    tests = (TOP / "tests" / "integration" / "test_dropin_faults.py").read_text(encoding="utf-8")
    rows = re.findall(r"`(test_\w+)`(?=,| \|)", page)
    assert len(rows) >= 45
    assert [name for name in rows if f"def {name}(" not in tests] == []


def test_every_law_of_the_protocol_has_a_test_named_after_it() -> None:
    sources = "".join(path.read_text(encoding="utf-8") for path in (TOP / "tests").rglob("test_*.py"))
    named = {int(number) for number in re.findall(r"def test_law_(\d+)_", sources)}
    assert named == set(range(1, 16))


def test_figures_in_the_readme_are_those_of_the_benchmarks_pages() -> None:
    text = readme.README.read_text()
    stands = text.partition(readme.BEGIN)[2].partition(readme.END)[0].strip()
    assert stands == readme.figures(), "write them anew: python -m benchmarks --page"
