"""The benchmark of a worker's children: its table has its rows."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest
from workers import TOP

from benchmarks.compose.children import CHILDREN, OWN, SHARED

pytestmark = pytest.mark.integration
FIGURES = r"(\| [\d,.]+ \| [\d,.]+–[\d,.]+ ){2}\| [\d,]+ \|"


def test_a_quick_run_writes_every_row(tmp_path: Path) -> None:
    page = tmp_path / "results.md"
    command = [sys.executable, "-m", "benchmarks.compose.children", "--quick", "--output", str(page)]
    done = subprocess.run(command, cwd=TOP, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    for way in (OWN, SHARED):
        for child in CHILDREN:
            (row,) = (line for line in page.read_text().splitlines() if line.startswith(f"| {way} | {child} |"))
            assert re.search(FIGURES, row), row
