"""The benchmark of the ledger: its tables have their rows, and no figure stands for mail that did not arrive."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from sinks import running_sink
from workers import TOP

from benchmarks.delivery import __main__ as program
from benchmarks.delivery import rounds
from benchmarks.delivery.report import STEPS, plan
from benchmarks.delivery.rounds import Bench, Case
from benchmarks.smtp import sink as sinks
from benchmarks.smtp.sink import Sink

TIMEOUT = 600


@pytest.fixture
def sink() -> Iterator[Sink]:
    with running_sink() as running:
        yield running


@pytest.mark.usefixtures("sink")
def test_a_quick_run_of_the_ledger_writes_every_row(tmp_path: Path) -> None:
    page = tmp_path / "results.md"
    command = [sys.executable, "-m", "benchmarks.delivery", "--quick", "--output", str(page)]
    done = subprocess.run(command, cwd=TOP, capture_output=True, text=True, timeout=TIMEOUT, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    text, rows = page.read_text(), plan(1, 1, 1, 1_000)
    for row in (*rows.delivered, *STEPS.values()):
        assert re.search(rf"^\| {re.escape(row)} \| [\d,]+ \|", text, re.MULTILINE), row
    for row in rows.memory:
        assert re.search(rf"^\| {row} \| [\d,]+ \| [\d,]+ \|", text, re.MULTILINE), row
    for row in rows.workers:
        assert re.search(rf"^\| {row} \| [\d.]+ \|", text, re.MULTILINE), row
    assert "no figure" not in text


def test_mails_that_the_sink_has_not_taken_have_no_figure(sink: Sink, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rounds, "_output", lambda *_: '{"mails": 3}')
    told: list[str] = []
    (one,) = Bench(sink, told.append).measure([Case("deliver", 3, (1, 1, 0))], 2).values()
    assert one.trouble == "mismatch: the sink has 0 mails of 3"
    assert one.runs == []


def test_a_case_that_fails_is_told_with_its_last_words(sink: Sink) -> None:
    (one,) = Bench(sink, lambda _: None).measure([Case("nobody's", 1)], 1).values()
    assert one.trouble == 'it failed: KeyError: "nobody\'s"'


def test_without_a_compiler_the_ledger_is_not_measured(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sinks, "CACHE", tmp_path)
    monkeypatch.setenv("CC", "no-such-compiler")
    monkeypatch.setattr(sys, "argv", ["benchmarks.delivery", "--quick"])
    monkeypatch.setattr(program.cores, "keep_for_clients", lambda: None)
    assert program.main() == os.EX_UNAVAILABLE
    assert "there is no compiler here" in capsys.readouterr().err
