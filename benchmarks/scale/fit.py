"""From the runs to the numbers of the simulation that cannot be read off: what sharing processors adds, and how long a sync takes."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from statistics import mean

from benchmarks.scale.model import Costs, Plant
from benchmarks.scale.replicas import Run

SYNCS = tuple(number / 10_000 for number in range(31))  # seconds: 0 to 3 ms


def fit(runs: Sequence[Run], processors: int, seconds: float) -> Costs:
    """Processor times as measured: of store and sink the mean over the runs, of a worker the line over the doublings of the replicas.

    The sync is the one that comes nearest to all their rates.
    """
    worker, contention = line([math.log2(run.replicas) for run in runs], [run.worker for run in runs])
    measured = Costs(
        worker,
        mean(run.store for run in runs),
        mean(run.sink for run in runs),
        max(1, round(mean(run.syncs for run in runs))),
        0.0,
        contention,
    )
    guesses = [replace(measured, sync=sync) for sync in SYNCS]
    return min(guesses, key=lambda costs: _error(costs, runs, processors, seconds))


def line(xs: Sequence[float], ys: Sequence[float]) -> tuple[float, float]:
    """Where it begins and how it rises, by least squares; flat through one point."""
    x, y = mean(xs), mean(ys)
    spread = sum((one - x) ** 2 for one in xs)
    slope = sum((one - x) * (other - y) for one, other in zip(xs, ys, strict=True)) / spread if spread else 0.0
    return y - slope * x, slope


def simulated(costs: Costs, run: Run, processors: int, seconds: float) -> float:
    """Mails a second with the replicas of a run, while others use as much of this machine as they did then."""
    return Plant(costs, processors, run.others).run(run.replicas, seconds)


def _error(costs: Costs, runs: Sequence[Run], processors: int, seconds: float) -> float:
    rates = [(max(1.0, simulated(costs, run, processors, seconds)), run.rate) for run in runs]
    return sum(math.log(ours / theirs) ** 2 for ours, theirs in rates)
