"""What a mail costs where there is more of something: mails that wait, replicas, templates. Worker and store together."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

from benchmarks.delivery.workers import fill
from benchmarks.end_to_end.cases import NOTIFIER, Case
from benchmarks.end_to_end.drain import Run, drain, drain_in
from benchmarks.end_to_end.mails import COPIES, TEMPLATE, copy_of
from benchmarks.end_to_end.plant import plant
from benchmarks.scale.replicas import measure
from benchmarks.smtp.sink import Sink
from notifier.rendering import shipped_templates

USED = 8  # times that each template has been used before, by one child or the other
Costs = dict[int, float]  # processor seconds of a mail, by how many there are


def waiting(counts: Sequence[int], mails: int, sink: Sink) -> Costs:
    """Mails that are due tomorrow. Raises `Trouble`."""
    case, found = Case(NOTIFIER, mails, "enqueue_many"), {}
    for count in counts:
        with TemporaryDirectory() as folder, plant(sink, case, Path(folder)) as made:
            fill(made.store, made.server, count)
            found[count] = _cost(drain_in(made, case, sink))
    return found


def replicas(counts: Sequence[int], mails: int, sink: Sink) -> Costs:
    """Workers with one child each on one store, as `benchmarks.scale` has them."""
    runs = (measure(count, mails * (count + 1) // 2, sink) for count in counts)
    return {run.replicas: run.worker + run.store for run in runs}


def templates(counts: Sequence[int], mails: int, sink: Sink) -> Costs:
    """Copies of the template, each used in turn. Raises `Trouble`."""
    return {count: _copies(count, mails, 0, sink) for count in counts}


def used_templates(counts: Sequence[int], mails: int, sink: Sink) -> Costs:
    """The same, measured once each copy has been used a few times, and as many mails have gone for one copy as for all. Raises `Trouble`."""
    before = USED * max(counts, default=0)
    return {count: _copies(count, mails, before, sink) for count in counts}


def _copies(count: int, mails: int, before: int, sink: Sink) -> float:
    with TemporaryDirectory() as folder:
        for copy in range(count):
            shutil.copytree(shipped_templates() / TEMPLATE, Path(folder) / copy_of(copy))
        case = Case(NOTIFIER, before + mails, "enqueue_copies")
        return _cost(drain(case, sink, before, NOTIFIER_TEMPLATES=folder, **{COPIES: str(count)}))


def _cost(run: Run) -> float:
    return run.worker + run.store
