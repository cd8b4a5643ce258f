"""`python -m benchmarks.django_enqueue`: what a mail costs the process that enqueues it through Django's API, as a table.

Exit codes: 0 with all figures; 1 where mails are missing, or a mail costs more than is promised.
"""

from __future__ import annotations

import argparse
import json
import platform
import subprocess
import sys
from collections.abc import Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any

import redis

from benchmarks.django_enqueue.client import BACKENDS
from benchmarks.django_enqueue.mails import KINDS
from benchmarks.django_enqueue.report import PROMISED, ratio, report
from benchmarks.smtp import cores, machine
from notifier.testing import EmbeddedValkey

RESULTS = Path(__file__).with_name("RESULTS.md")
TOP = Path(__file__).resolve().parents[2]
WAYS = 2  # by themselves, and in one call
PACKAGES = ("notifier-worker", "django", "django-celery-email", "celery", "redis")


def arguments(words: Sequence[str] | None = None) -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.django_enqueue", description=__doc__)
    parser.add_argument("--rounds", type=int, default=5, help="processes, each with a store of its own")
    parser.add_argument(
        "--blocks", type=int, default=9, help="of each way in a process, besides the first, which is not counted"
    )
    parser.add_argument("--size", type=int, default=50, help="mails in a block")
    parser.add_argument("--quick", action="store_true", help="few of all: a smoke test, not a figure")
    parser.add_argument("--output", type=Path, help=f"default: {RESULTS.name} beside the program; nowhere with --quick")
    given = parser.parse_args(words)
    if given.quick:
        given.rounds, given.blocks, given.size = 1, 2, 10
    elif given.output is None:
        given.output = RESULTS
    return given


def main() -> int:
    """Measure, print, write."""
    given = arguments()
    cores.keep_for_clients()
    where = [*machine.place(), f"versions: {', '.join(_versions())}"]
    rounds = []
    for number in range(given.rounds):
        print(f"round {number + 1} of {given.rounds}", file=sys.stderr, flush=True)
        found = _round(given.blocks, given.size)
        expected = (given.blocks + 1) * given.size * len(KINDS) * WAYS
        if missing := {name: count for name, count in found["stored"].items() if count != expected}:
            print(f"mismatch: {missing} of {expected} mails", file=sys.stderr)
            return 1
        rounds.append(found["figures"])
    page = report(rounds, where)
    print(page)
    if given.output is not None:
        given.output.write_text(page)
    ratios = [ratio(case, rounds) for case in rounds[0]]
    return 0 if given.quick or max(ratios) <= PROMISED else 1


def _round(blocks: int, size: int) -> dict[str, Any]:
    with EmbeddedValkey() as valkey:
        with redis.Redis.from_url(valkey.url) as server:
            cores.keep_for_servers(int(server.info("server")["process_id"]))
        command = [sys.executable, "-m", "benchmarks.django_enqueue.client", valkey.url, str(blocks), str(size)]
        done = subprocess.run(command, cwd=TOP, stdout=subprocess.PIPE, check=True)
    found: dict[str, Any] = json.loads(done.stdout)
    assert set(found["stored"]) == set(BACKENDS)
    return found


def _versions() -> list[str]:
    return [f"Python {platform.python_version()}", *(f"{package} {version(package)}" for package in PACKAGES)]


if __name__ == "__main__":
    sys.exit(main())
