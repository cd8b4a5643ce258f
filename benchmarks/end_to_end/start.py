"""How long things take until they are there: imports, the command, a worker."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from tempfile import TemporaryDirectory

from benchmarks.end_to_end.cases import EMPTY, NOTIFIER, Case
from benchmarks.end_to_end.plant import plant
from benchmarks.processes import celery_worker, until
from benchmarks.smtp.imports import imports
from benchmarks.smtp.sink import Sink

# The drop-in is loaded when a name of it is first used: that, too, is what a program waits for.
STATEMENTS = ("import notifier", "from notifier import smtp", "from notifier.smtp import SMTP")
HELP = "`notifier --help`, with its interpreter"
OURS, THEIRS = "a worker is ready", "an empty Celery app's worker is ready"
_MAIN = "from notifier.cli import main; main()"


def start(looks: int, rounds: int, sink: Sink) -> Mapping[str, list[float]]:
    """Seconds, round by round; of imports the median of ``looks`` alone, less the interpreter."""
    found: dict[str, list[float]] = {f"`{name}`": [seconds] for name, seconds in imports(looks, STATEMENTS)}
    found |= {HELP: [_help() for _ in range(looks)], OURS: [], THEIRS: []}
    for _ in range(rounds):
        found[OURS].append(_ready(Case(NOTIFIER, 0), sink))
        found[THEIRS].append(_ready(Case(EMPTY, 0), sink))
    return found


def _help() -> float:
    began = time.perf_counter()
    subprocess.run([sys.executable, "-c", _MAIN, "--help"], check=True, stdout=subprocess.DEVNULL)
    return time.perf_counter() - began


def _ready(case: Case, sink: Sink) -> float:
    with TemporaryDirectory() as folder, plant(sink, case, Path(folder)) as made:
        began = time.perf_counter()
        with celery_worker(case.peer.app, made.environ, "-l", "INFO", slots=case.slots, log=made.log):
            until(lambda: b" ready." in made.log.read_bytes(), "the worker is ready", look_every=0.005)
            return time.perf_counter() - began
