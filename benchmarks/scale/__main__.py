"""`python -m benchmarks.scale`: what 1 to 8 replicas on one Valkey carry, and what the simulation says of up to 1,000.

Exit codes: 0 with all figures, 69 (EX_UNAVAILABLE) where the sink cannot be built.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence
from dataclasses import fields, replace
from pathlib import Path
from statistics import median

from benchmarks.delivery.__main__ import versions
from benchmarks.scale.fit import fit
from benchmarks.scale.model import Costs
from benchmarks.scale.plot import plot
from benchmarks.scale.replicas import Run, measure
from benchmarks.scale.report import Calibration, report
from benchmarks.scale.scenarios import limited, plan, simulate
from benchmarks.smtp import machine
from benchmarks.smtp.sink import NoCompiler, Sink

RESULTS = Path(__file__).with_name("RESULTS.md")
NEW_CONNECTION = "&messages_per_connection=1"


def arguments(words: Sequence[str] | None = None) -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.scale", description="what replicas carry")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--mails", type=int, default=1_500, help="in each run")
    parser.add_argument("--seconds", type=float, default=10.0, help="simulated")
    parser.add_argument("--quick", action="store_true", help="few of all: a smoke test, not a figure")
    parser.add_argument("--output", type=Path, help=f"default: {RESULTS.name} beside the program; nowhere with --quick")
    given = parser.parse_args(words)
    given.calibrated, given.checked, given.replicas, given.relays = (1, 2, 4), 8, 1_000, 10_000
    if given.quick:
        given.rounds, given.mails, given.seconds = 1, 100, 0.5
        given.calibrated, given.checked, given.replicas, given.relays = (1,), 2, 20, 200
    elif given.output is None:
        given.output = RESULTS
    return given


def main() -> int:
    """Measure, simulate, print, write."""
    given = arguments()
    processors = len(os.sched_getaffinity(0))
    where = [*(line for line in machine.place() if not line.startswith("cores:")), f"versions: {', '.join(versions())}"]
    try:
        with Sink() as sink:
            runs, fresh = _measured(given, sink)
    except NoCompiler as error:
        _tell(str(error))
        return os.EX_UNAVAILABLE
    fitted = fit(runs[:-1], processors, given.seconds / 10)
    table = Calibration(fitted, [(run, fitted.rate(run.replicas, given.seconds)) for run in runs], fresh)
    each = _with_new_connections(fitted.costs, fresh)
    scenarios = plan(given.replicas, given.relays, given.seconds)
    answers = [(one, simulate(one, each)) for one in scenarios]
    half = max(answer.rate for one, answer in answers if one.stores == 1) / 2
    bound = limited(given.replicas, given.relays, given.seconds * 12, half)
    answers.append((bound, simulate(bound, each)))
    page = report(table, answers, f"medians of {given.rounds} interleaved rounds of {given.mails} mails", where)
    print(page)
    if given.output is not None:
        given.output.write_text(page)
        one_store = [(float(one.replicas), answer.rate) for one, answer in answers[:-1] if one.stores == 1]
        measured = [(float(run.replicas), run.rate) for run in runs]
        lines = {"measured, all on this machine": measured, "simulated, a processor for each, one store": one_store}
        given.output.with_suffix(".svg").write_text(plot(lines))
    return 0


def _measured(given: argparse.Namespace, sink: Sink) -> tuple[list[Run], Run]:
    counts = [*given.calibrated, given.checked]
    rounds: list[list[Run]] = []
    for number in range(given.rounds):
        _tell(f"round {number + 1} of {given.rounds}")
        kept = [measure(count, given.mails, sink) for count in counts]
        rounds.append([*kept, measure(1, given.mails, sink, more=NEW_CONNECTION)])
    *runs, fresh = (_median(same) for same in zip(*rounds, strict=True))
    return runs, fresh


def _median(runs: Sequence[Run]) -> Run:
    figures = {one.name: median(getattr(run, one.name) for run in runs) for one in fields(Run)}
    return Run(**{**figures, "replicas": runs[0].replicas})


def _with_new_connections(costs: Costs, fresh: Run) -> Costs:
    """A mail to one of 10,000 relays finds no session open."""
    return replace(costs, worker=fresh.worker, store=fresh.store, sink=fresh.sink, steps=max(1, round(fresh.syncs)))


def _tell(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main())
