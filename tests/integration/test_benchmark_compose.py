"""The benchmark of composing: its tables have their rows, and what a composer loses is told and not timed."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from workers import TOP

from benchmarks.compose import held
from benchmarks.compose.composers import COMPOSERS
from benchmarks.compose.mails import Mail, typical, with_pdf
from benchmarks.compose.memory import SMALL, measure_memory
from benchmarks.compose.nodemailer import Nodemailer
from benchmarks.compose.report import Table
from benchmarks.compose.rounds import Measured, wrong
from benchmarks.compose.shipped import WAYS
from benchmarks.smtp import npm

FIGURES = r"\| [\d,]+ \| [\d,]+–[\d,]+ \| [\d.]+ \|"

pytestmark = pytest.mark.integration


def test_a_quick_run_writes_every_row(tmp_path: Path) -> None:
    page = tmp_path / "results.md"
    command = [sys.executable, "-m", "benchmarks.compose", "--quick", "--output", str(page)]
    done = subprocess.run(command, cwd=TOP, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    text = page.read_text()
    for name, tables in (*((name, 2) for name in COMPOSERS), *((name, 1) for name in WAYS)):
        rows = [line for line in text.splitlines() if line.startswith(f"| {name} |")]
        assert len(rows) == tables, name
        assert all(re.search(FIGURES, row) for row in rows)
    rows = [line for line in text.splitlines() if line.startswith("| nodemailer |")]
    assert len(rows) == 2
    assert all(re.search(f"{FIGURES}|not here: ", row) for row in rows)
    assert [way for way in held.WAYS if not re.search(rf"\| {re.escape(way)} \| [\d.]+ \|", text)] == []


def test_who_is_not_here_has_a_row_that_says_why() -> None:
    missing = {"nodemailer": "there is no node"}
    table = Table("A mail", {"`EmailMessage`": Measured([2.0, 1.0])}, "`EmailMessage`", missing)
    assert list(table.lines())[-1] == "| nodemailer | not here: there is no node | | |"


@pytest.mark.skipif(npm.missing(install=False) is not None, reason=f"nodemailer: {npm.missing(install=False)}")
@pytest.mark.parametrize("make", [typical, with_pdf])
def test_what_nodemailer_makes_is_the_mail(make: Callable[[int], Mail]) -> None:
    with Nodemailer(warm=1) as composer:
        assert wrong(composer(make(7)), make(7)) is None
        assert composer.seconds([make(8)]) > 0


@pytest.mark.skipif(held.lack() is not None, reason=str(held.lack()))
def test_a_file_comes_back_from_each_way() -> None:
    assert {way: len(octets) for way, octets in measure_memory(1, SMALL).items()} == dict.fromkeys(held.WAYS, 1)


@pytest.mark.parametrize("make", [typical, with_pdf])
def test_what_a_composer_loses_is_found(make: Callable[[int], Mail]) -> None:
    for composer in COMPOSERS.values():
        octets = composer(make(7))
        assert wrong(octets, make(7)) is None
        assert wrong(octets, make(8)) is not None


def test_a_typical_mail_is_what_the_page_says_of_it() -> None:
    mail = typical(7)
    assert 7_900 < len(mail.html) < 8_300
    assert not mail.subject.isascii()
    assert typical(7) == mail != typical(8)
