"""``python -m nemesis.run`` in ``tests/``, or ``make chaos``: the whole run, its table on stdout, and 1 where it has failed.

Two quiet cores and 15 minutes are enough; on a busy machine give it more with ``--minutes``. ``--only PART`` runs one part;
what the states' kills must reach is not asked then.
"""

from __future__ import annotations

import argparse
import multiprocessing
import os
import platform
import sys
import time
from collections.abc import Callable, Iterable
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import reduce
from operator import add

from nemesis.baseline import killed_plain_workers
from nemesis.lane import run_lane
from nemesis.patience import GaveUp, tell
from nemesis.report import Row, failures, hits_table, table
from nemesis.storms import frozen_workers, killed_store, killed_workers

LANES = 4  # a round waits more than it works
KILLS, WINDOWS = 20, 5
STORE_KILLS = 10
FREEZES = 10
MINUTES = 15.0


def failpoints(ends_at: float) -> Row:
    """Every failpoint times every signal, in processes of their own: each has its own application."""
    with ProcessPoolExecutor(LANES, mp_context=multiprocessing.get_context("spawn")) as pool:
        rows = [pool.submit(run_lane, number, LANES, ends_at) for number in range(LANES)]
        return reduce(add, (row.result() for row in rows))


@dataclass(frozen=True)
class Part:
    """``run`` gets the time (monotonic seconds) when its last round must have begun; ``share`` of the whole time."""

    run: Callable[[float], Row]
    share: float


PARTS = {
    "failpoints": Part(failpoints, 0.5),
    "kills": Part(lambda ends_at: killed_workers(KILLS, WINDOWS, ends_at=ends_at), 0.15),
    "store": Part(lambda ends_at: killed_store(STORE_KILLS, ends_at=ends_at), 0.1),
    "freezes": Part(lambda ends_at: frozen_workers(FREEZES, ends_at=ends_at), 0.1),
    "baseline": Part(lambda ends_at: killed_plain_workers(KILLS, WINDOWS, ends_at=ends_at), 0.15),
}


def main(arguments: list[str] | None = None) -> int:
    """The exit status."""
    parser = argparse.ArgumentParser(prog="make chaos", description="Kill, freeze and cut off; then count the mails.")
    parser.add_argument("--only", choices=PARTS, action="append", help="a part; may be given several times")
    parser.add_argument("--minutes", type=float, default=MINUTES, help="rounds that come later fail the run")
    chosen = parser.parse_args(arguments)
    only, began = chosen.only, time.monotonic()
    rows, broken = [], []
    for name in only or PARTS:
        tell(f"{name} …")
        try:
            rows.append(PARTS[name].run(time.monotonic() + PARTS[name].share * chosen.minutes * 60))
            tell("\n".join((str(rows[-1].account), *failures(rows[-1:], every_state=False))))
        except GaveUp as error:
            broken.append(f"{name}: {error}")
    print(_shown(rows, time.monotonic() - began))
    why = broken + failures(rows, every_state=not only)
    print("\n".join(("", "FAILED:", *why) if why else ("", "nothing was lost, and nothing doubled outside the window")))
    return 1 if why else 0


def _shown(rows: Iterable[Row], seconds: float) -> str:
    rows = list(rows)
    machine = f"{os.cpu_count()} cores, Linux {platform.release()}, Python {platform.python_version()}"
    when = f"{datetime.now(UTC):%Y-%m-%d}, {seconds / 60:.0f} minutes on {machine}"
    return "\n\n".join((when, table(rows), hits_table(rows)))


if __name__ == "__main__":
    sys.exit(main())
