"""The benchmark of enqueueing through Django: its table has its rows, and every mail was counted."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

from workers import TOP


def test_a_quick_run_writes_every_row(tmp_path: Path) -> None:
    page = tmp_path / "results.md"
    command = [sys.executable, "-m", "benchmarks.django_enqueue", "--quick", "--output", str(page)]
    done = subprocess.run(command, cwd=TOP, capture_output=True, text=True, timeout=250, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    text = page.read_text()
    for kind in ("text", "text and html", "with a file of 100 KB"):
        for way in ("send()", "send_messages"):
            assert re.search(rf"^\| {kind}, {re.escape(way)} \| [\d,]+ \|", text, re.MULTILINE), (kind, way)
