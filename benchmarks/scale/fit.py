"""From the runs to the two numbers of the simulation that cannot be measured: the disk's sync, and who else wants a processor."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import product
from statistics import mean

from benchmarks.scale.model import Costs, Plant
from benchmarks.scale.replicas import Run

SYNCS = tuple(number / 4000 for number in range(13))  # seconds: 0 to 3 ms
OTHERS = range(9)  # programs that always want a processor


@dataclass(frozen=True, slots=True)
class Fitted:
    """``others``: programs on the machine that always want a processor, as far as the rates show."""

    costs: Costs
    processors: int
    others: int

    def rate(self, replicas: int, seconds: float) -> float:
        """What the simulation gives on this machine."""
        return Plant(self.costs, self.processors, self.others).run(replicas, seconds)


def fit(runs: Sequence[Run], processors: int, seconds: float) -> Fitted:
    """Processor times as measured (means over the runs); sync and others that come nearest to all their rates."""
    measured = Costs(
        mean(run.worker for run in runs),
        mean(run.store for run in runs),
        mean(run.sink for run in runs),
        max(1, round(mean(run.syncs for run in runs))),
        0.0,
    )
    guesses = [Fitted(replace(measured, sync=sync), processors, others) for sync, others in product(SYNCS, OTHERS)]
    return min(guesses, key=lambda guess: _error(guess, runs, seconds))


def _error(guess: Fitted, runs: Sequence[Run], seconds: float) -> float:
    return sum(math.log(max(1.0, guess.rate(run.replicas, seconds)) / run.rate) ** 2 for run in runs)
