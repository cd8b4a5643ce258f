"""From the runs to the one number of the simulation that cannot be measured: how long the disk takes for a sync."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from statistics import mean

from benchmarks.scale.model import Costs, Plant
from benchmarks.scale.replicas import Run

SYNCS = tuple(number / 10_000 for number in range(31))  # seconds: 0 to 3 ms


def fit(runs: Sequence[Run], processors: int, seconds: float) -> Costs:
    """Processor times as measured (means over the runs); the sync that comes nearest to all their rates."""
    measured = Costs(
        mean(run.worker for run in runs),
        mean(run.store for run in runs),
        mean(run.sink for run in runs),
        max(1, round(mean(run.syncs for run in runs))),
        0.0,
    )
    guesses = [replace(measured, sync=sync) for sync in SYNCS]
    return min(guesses, key=lambda costs: _error(costs, runs, processors, seconds))


def simulated(costs: Costs, run: Run, processors: int, seconds: float) -> float:
    """Mails a second with the replicas of a run, while others use as much of this machine as they did then."""
    return Plant(costs, processors, run.others).run(run.replicas, seconds)


def _error(costs: Costs, runs: Sequence[Run], processors: int, seconds: float) -> float:
    rates = [(max(1.0, simulated(costs, run, processors, seconds)), run.rate) for run in runs]
    return sum(math.log(ours / theirs) ** 2 for ours, theirs in rates)
