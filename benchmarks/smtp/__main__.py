"""`python -m benchmarks.smtp`: every client on one sink in one run, as a table.

Exit codes: 0 with a table in which every figure stands for mail that arrived, 1 where a client's mails did not,
69 (EX_UNAVAILABLE) where the sink cannot be built.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence
from pathlib import Path

from benchmarks.smtp import cores, machine
from benchmarks.smtp.imports import ROUNDS, imports
from benchmarks.smtp.peers import PEERS
from benchmarks.smtp.report import report
from benchmarks.smtp.rounds import Bench, Measured, Plan
from benchmarks.smtp.sink import NoCompiler, Sink

RESULTS = Path(__file__).with_name("RESULTS.md")
TRIP_OF_COUNT = 0.020  # seconds; with longer round trips fewer mails are sent


def arguments(words: Sequence[str] | None = None) -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.smtp", description="SMTP clients on one sink")
    parser.add_argument("--messages", type=int, default=5000, help="mails in a round on loopback")
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument(
        "--rtt", type=float, nargs="*", default=[20.0], metavar="MS", help="round trips; none: skip them"
    )
    parser.add_argument("--rtt-messages", type=int, default=100, help="mails in a round with a round trip of 20 ms")
    parser.add_argument("--rtt-rounds", type=int, default=3)
    parser.add_argument("--quick", action="store_true", help="few mails, nothing installed: a smoke test, not a figure")
    parser.add_argument("--output", type=Path, help=f"default: {RESULTS.name} beside the program; nowhere with --quick")
    given = parser.parse_args(words)
    if given.quick:
        given.messages, given.rounds, given.rtt_messages, given.rtt_rounds = 100, 1, 10, 1
    elif given.output is None:
        given.output = RESULTS
    return given


def delayed_plan(given: argparse.Namespace, round_trip: float) -> Plan:
    """Fewer mails where each takes longer; fifty times as many where they do not wait for each other."""
    count = max(10, round(given.rtt_messages * min(1.0, TRIP_OF_COUNT / round_trip)))
    return Plan(count, given.rtt_rounds, round_trip, in_flight_messages=50 * count)


def main() -> int:
    """Measure, print, write."""
    given, where = arguments(), list(machine.described())
    absent = {peer.key: why for peer in PEERS if (why := peer.missing(install=not given.quick)) is not None}
    for key, why in absent.items():
        _tell(f"{key} is left out: {why}")
    local_plan = Plan(given.messages, given.rounds)
    cores.keep_for_clients()
    try:
        with Sink() as sink:
            bench = Bench(sink, absent, _tell)
            local = bench.measure(local_plan)
            delayed = {trip / 1000: bench.measure(delayed_plan(given, trip / 1000)) for trip in given.rtt}
    except NoCompiler as error:
        _tell(str(error))
        return os.EX_UNAVAILABLE
    page = report(local_plan, local, delayed, imports(1 if given.quick else ROUNDS), where)
    print(page)
    if given.output is not None:
        given.output.write_text(page)
    return 1 if _in_trouble([local, *delayed.values()], absent) else 0


def _in_trouble(tables: Sequence[Sequence[Measured]], absent: dict[str, str]) -> bool:
    return any(one.trouble for table in tables for one in table if one.peer.key not in absent)


def _tell(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main())
