"""`python -m benchmarks.pool`: the session pool alone, in a crowd, and at a relay that ends connections, as tables.

Exit codes: 0 with tables in which every figure stands for mail that arrived, 1 where some did not, 69 (EX_UNAVAILABLE)
where the sink cannot be built.
"""

from __future__ import annotations

import argparse
import os
import platform
import sys
from collections.abc import Sequence
from importlib.metadata import version
from pathlib import Path

from benchmarks.pool import dead
from benchmarks.pool.report import CHECKOUT, CROWDS, WAYS, report
from benchmarks.pool.rounds import Bench, three_relays
from benchmarks.pool.stories import THREADS
from benchmarks.smtp import cores, machine
from benchmarks.smtp.sink import NoCompiler

RESULTS = Path(__file__).with_name("RESULTS.md")


def arguments(words: Sequence[str] | None = None) -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.pool", description="the session pool, measured")
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--checkouts", type=int, default=20_000, help="in a round")
    parser.add_argument("--turns", type=int, default=50, help="of each thread of the crowd, in a round")
    parser.add_argument("--mails", type=int, default=10_000, help="through each relay, in a round")
    parser.add_argument("--dead-rounds", type=int, default=3, help="of those with a dead relay")
    parser.add_argument("--beside", type=int, default=400, help="mails to ten relays of which one is dead, in a round")
    parser.add_argument("--quick", action="store_true", help="few of all: a smoke test, not a figure")
    parser.add_argument("--output", type=Path, help=f"default: {RESULTS.name} beside the program; nowhere with --quick")
    given = parser.parse_args(words)
    if given.quick:
        given.rounds, given.checkouts, given.turns, given.mails = 1, 200, 2, 300
        given.dead_rounds, given.beside = 1, 20
    elif given.output is None:
        given.output = RESULTS
    return given


def main() -> int:
    """Measure, print, write."""
    given = arguments()
    versions = f"versions: Python {platform.python_version()}, notifier-worker {version('notifier-worker')}"
    where = [*machine.place(), versions]
    beside = dead.measure(given.beside, given.dead_rounds, _tell)
    cores.keep_for_clients()
    counts = [(CHECKOUT, given.checkouts)]
    counts += [(case, given.turns * THREADS) for case in CROWDS.values()]
    counts += [(case, given.mails // 10 if case.round_trip else given.mails) for case in WAYS.values()]
    try:
        with three_relays() as sinks:
            found = Bench(sinks, _tell).measure(counts, given.rounds)
    except NoCompiler as error:
        _tell(str(error))
        return os.EX_UNAVAILABLE
    page = report(found, given.rounds, dict(counts), (beside, given.dead_rounds, given.beside), where)
    print(page)
    if given.output is not None:
        given.output.write_text(page)
    return 1 if any(one.trouble for one in (*found.values(), *beside.values())) else 0


def _tell(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main())
