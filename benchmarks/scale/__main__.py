"""`python -m benchmarks.scale`: what 1 to 8 replicas on one Valkey carry, and what the simulation says of up to 1,000.

Exit codes: 0 with all figures, 69 (EX_UNAVAILABLE) where the sink cannot be built.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import simpy

from benchmarks.delivery.__main__ import versions
from benchmarks.scale.fit import fit, simulated
from benchmarks.scale.model import Costs
from benchmarks.scale.plot import plot
from benchmarks.scale.replicas import Run
from benchmarks.scale.report import Calibration, report
from benchmarks.scale.rounds import Round, keep, kept, measured, medians
from benchmarks.scale.scenarios import Answer, Scenario, limited, plan, simulate
from benchmarks.smtp import machine
from benchmarks.smtp.sink import NoCompiler, Sink

RESULTS = Path(__file__).with_name("RESULTS.md")


def arguments(words: Sequence[str] | None = None) -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.scale", description="what replicas carry")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument(
        "--mails", type=int, default=1_000, help="of one replica; n replicas have (n + 1) / 2 times as many"
    )
    parser.add_argument("--seconds", type=float, default=30.0, help="simulated")
    parser.add_argument("--kept", type=Path, help="a file: earlier rounds are taken from it, and new ones added")
    parser.add_argument("--quick", action="store_true", help="few of all: a smoke test, not a figure")
    parser.add_argument("--output", type=Path, help=f"default: {RESULTS.name} beside the program; nowhere with --quick")
    given = parser.parse_args(words)
    given.calibrated, given.checked, given.replicas, given.relays = (1, 2, 4), 8, 1_000, 10_000
    if given.quick:
        given.rounds, given.mails, given.seconds = 1, 40, 1.5
        given.calibrated, given.checked, given.replicas, given.relays = (1,), 2, 20, 200
    elif given.output is None:
        given.output = RESULTS
    return given


def main() -> int:
    """Measure, simulate, print, write."""
    given = arguments()
    processors = len(os.sched_getaffinity(0))
    try:
        rounds = _rounds(given)
    except NoCompiler as error:
        _tell(str(error))
        return os.EX_UNAVAILABLE
    *runs, fresh = medians(rounds)
    costs = fit(runs[:-1], processors, given.seconds / 30)
    rates = [(run, simulated(costs, run, processors, given.seconds)) for run in runs]
    table = Calibration(costs, processors, rates, fresh)
    answers = _simulated(given, _with_new_connections(costs, fresh))
    page = report(table, answers, f"medians of {len(rounds)} rounds of {given.mails} mails and more", _where(rounds))
    print(page)
    if given.output is not None:
        given.output.write_text(page)
        given.output.with_suffix(".svg").write_text(_plot(runs, answers))
    return 0


def _simulated(given: argparse.Namespace, costs: Costs) -> list[tuple[Scenario, Answer]]:
    answers = [(one, simulate(one, costs)) for one in plan(given.replicas, given.relays, given.seconds)]
    half = max(answer.rate for one, answer in answers if one.stores == 1) / 2
    bound = limited(given.replicas, given.relays, given.seconds * 4, half)
    return [*answers, (bound, simulate(bound, costs))]


def _plot(runs: Sequence[Run], answers: Sequence[tuple[Scenario, Answer]]) -> str:
    one_store = [(float(one.replicas), answer.rate) for one, answer in answers[:-1] if one.stores == 1]
    here = [(float(run.replicas), run.rate) for run in runs]
    return plot(
        {
            "measured, all on this machine": here,
            "simulated: a processor for each, a connection a mail, one store": one_store,
        }
    )


def _rounds(given: argparse.Namespace) -> list[Round]:
    rounds = kept(given.kept)
    with Sink() as sink:
        for number in range(given.rounds):
            _tell(f"round {number + 1} of {given.rounds}")
            rounds.append(measured([*given.calibrated, given.checked], given.mails, sink))
            keep(given.kept, rounds[-1])
    return rounds


def _where(rounds: Sequence[Round]) -> list[str]:
    (there,) = (line for line in machine.place() if line.startswith("machine:"))
    begun = "; ".join(f"{one.date}, load average {one.load:.1f}" for one in rounds)
    return [f"rounds begun: {begun}", there, f"versions: {', '.join(versions())}, simpy {simpy.__version__}"]


def _with_new_connections(costs: Costs, fresh: Run) -> Costs:
    """A mail to one of 10,000 relays finds no session open."""
    return replace(costs, worker=fresh.worker, store=fresh.store, sink=fresh.sink, steps=max(1, round(fresh.syncs)))


def _tell(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main())
