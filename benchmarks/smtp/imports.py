"""What an import costs a program: a fresh interpreter each time, less what one costs that imports nothing."""

from __future__ import annotations

import statistics
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence

STATEMENTS = (
    "import smtplib",
    "from notifier import smtp",
    "from notifier.smtp import SMTP",
    "from notifier.smtp import Session",
)
ROUNDS = 15


def imports(rounds: int = ROUNDS, statements: Sequence[str] = STATEMENTS) -> Iterator[tuple[str, float]]:
    """Each statement with the seconds that it takes, the median of interleaved rounds."""
    times: dict[str, list[float]] = {statement: [] for statement in ("pass", *statements)}
    for _ in range(rounds):
        for statement, taken in times.items():
            taken.append(_seconds(statement))
    empty = statistics.median(times.pop("pass"))
    for statement, taken in times.items():
        yield statement, statistics.median(taken) - empty


def _seconds(statement: str) -> float:
    began = time.perf_counter()
    subprocess.run([sys.executable, "-c", statement], check=True)
    return time.perf_counter() - began
