"""From the runs to the simulation's one free number: how long a sync of the disk takes."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from statistics import mean

from benchmarks.scale.model import Costs, Plant
from benchmarks.scale.replicas import Run

MOST = 0.004  # seconds
TRIES = 41


def fitted(runs: Sequence[Run], processors: int, seconds: float) -> Costs:
    """Processor times as measured (means over the runs); the sync that comes nearest to all their rates."""
    measured = Costs(
        mean(run.worker for run in runs),
        mean(run.store for run in runs),
        mean(run.sink for run in runs),
        max(1, round(mean(run.syncs for run in runs))),
        0.0,
    )
    guesses = [replace(measured, sync=MOST * number / (TRIES - 1)) for number in range(TRIES)]
    return min(guesses, key=lambda costs: _error(costs, runs, processors, seconds))


def simulated(costs: Costs, run: Run, processors: int, seconds: float) -> float:
    """The rate that the simulation gives for a run on this machine."""
    return Plant(costs, processors, others=run.others).run(run.replicas, seconds)


def _error(costs: Costs, runs: Sequence[Run], processors: int, seconds: float) -> float:
    return sum(math.log(simulated(costs, run, processors, seconds) / run.rate) ** 2 for run in runs)
