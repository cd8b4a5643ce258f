"""The benchmark of composing: its tables have their rows, and what a composer loses is told and not timed."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path

import pytest
from workers import TOP

from benchmarks.compose.mails import Mail, typical, with_pdf

pytestmark = [
    pytest.mark.integration,
    pytest.mark.skipif(
        find_spec("css_inline") is None, reason="css-inline is not installed (benchmarks/requirements.txt)"
    ),
]


def test_a_quick_run_writes_every_row(tmp_path: Path) -> None:
    from benchmarks.compose.composers import COMPOSERS
    from benchmarks.compose.shipped import WAYS

    page = tmp_path / "results.md"
    command = [sys.executable, "-m", "benchmarks.compose", "--quick", "--output", str(page)]
    done = subprocess.run(command, cwd=TOP, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    text = page.read_text()
    for name, tables in (*((name, 2) for name in COMPOSERS), *((name, 1) for name in WAYS)):
        rows = [line for line in text.splitlines() if line.startswith(f"| {name} |")]
        assert len(rows) == tables, name
        assert all(re.search(r"\| [\d,]+ \| [\d,]+–[\d,]+ \| [\d.]+ \|", row) for row in rows)


@pytest.mark.parametrize("make", [typical, with_pdf])
def test_what_a_composer_loses_is_found(make: Callable[[int], Mail]) -> None:
    from benchmarks.compose.composers import COMPOSERS
    from benchmarks.compose.rounds import wrong

    for composer in COMPOSERS.values():
        octets = composer(make(7))
        assert wrong(octets, make(7)) is None
        assert wrong(octets, make(8)) is not None


def test_a_typical_mail_is_what_the_page_says_of_it() -> None:
    mail = typical(7)
    assert 7_900 < len(mail.html) < 8_300
    assert not mail.subject.isascii()
    assert typical(7) == mail != typical(8)
