"""`python -m benchmarks.delivery`: what the ledger costs in processor time, in the store and in a worker, as tables.

Exit codes: 0 with all figures, 1 where some are missing, 69 (EX_UNAVAILABLE) where the sink cannot be built.
"""

from __future__ import annotations

import argparse
import os
import platform
import sys
from collections.abc import Sequence
from importlib.metadata import version
from pathlib import Path

import redis

from benchmarks.delivery.report import plan, report
from benchmarks.delivery.rounds import Bench
from benchmarks.smtp import cores, machine
from benchmarks.smtp.sink import NoCompiler, Sink
from notifier.testing import EmbeddedValkey

RESULTS = Path(__file__).with_name("RESULTS.md")


def arguments(words: Sequence[str] | None = None) -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.delivery", description="what the ledger costs, measured"
    )
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--memory-rounds", type=int, default=3, help="of those, with the measuring of memory")
    parser.add_argument("--singles", type=int, default=1_000, help="mails delivered one by one in a round")
    parser.add_argument("--many", type=int, default=5_000, help="mails delivered in batches in a round")
    parser.add_argument("--stored", type=int, default=100_000, help="mails whose memory is measured")
    parser.add_argument("--waiting", type=int, default=1_000_000, help="mails due tomorrow beside a worker")
    parser.add_argument("--quick", action="store_true", help="few of all: a smoke test, not a figure")
    parser.add_argument("--output", type=Path, help=f"default: {RESULTS.name} beside the program; nowhere with --quick")
    given = parser.parse_args(words)
    if given.quick:
        given.rounds = given.memory_rounds = 1
        given.singles, given.many, given.stored, given.waiting = 10, 100, 500, 1_000
    elif given.output is None:
        given.output = RESULTS
    return given


def main() -> int:
    """Measure, print, write."""
    given = arguments()
    cases = plan(given.singles, given.many, given.stored, given.waiting, memory_rounds=given.memory_rounds)
    where = [*machine.place(), f"versions: {', '.join(versions())}"]
    cores.keep_for_clients()
    try:
        with Sink() as sink:
            found = Bench(sink, _tell).measure(cases.cases, given.rounds)
    except NoCompiler as error:
        _tell(str(error))
        return os.EX_UNAVAILABLE
    page = report(cases, found, f"{given.rounds} interleaved rounds (memory: {given.memory_rounds})", where)
    print(page)
    if given.output is not None:
        given.output.write_text(page)
    return 1 if any(one.trouble for one in found.values()) else 0


def versions() -> list[str]:
    """Of everything that was measured."""
    with EmbeddedValkey() as valkey, redis.Redis.from_url(valkey.url) as server:
        said = server.info()
    store = f"Valkey {said['valkey_version']}" if "valkey_version" in said else f"Redis {said['redis_version']}"
    packages = [f"{package} {version(package)}" for package in ("notifier-worker", "redis", "celery")]
    return [f"Python {platform.python_version()}", *packages, f"{store} (memory by {said['mem_allocator']})"]


def _tell(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main())
