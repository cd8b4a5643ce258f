"""The benchmark of replicas: its tables have their rows, and the simulation keeps the limits and the laws that it is made of."""

from __future__ import annotations

import re
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
from sinks import running_sink
from workers import TOP

from benchmarks.scale.fit import fit, simulated
from benchmarks.scale.model import Costs, Plant
from benchmarks.scale.relays import Relay
from benchmarks.scale.replicas import Run
from benchmarks.scale.scenarios import limited, plan, simulate

COSTS = Costs(worker=0.002, store=0.0005, sink=0.0001, steps=2, sync=0.001)


def test_a_quick_run_of_replicas_writes_every_row_and_the_plot(tmp_path: Path) -> None:
    with running_sink():
        pass  # there is something to build it with
    page = tmp_path / "results.md"
    command = [sys.executable, "-m", "benchmarks.scale", "--quick", "--output", str(page)]
    done = subprocess.run(command, cwd=TOP, capture_output=True, text=True, timeout=250, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    text = page.read_text()
    for row in ("1", "2", "1, a connection a mail"):
        assert re.search(rf"^\| {row} \| [\d,]+ \|", text, re.MULTILINE), row
    assert re.search(r"^\| \*\*2, the check\*\* \| [\d,]+ \| [\d,]+ \| [+-]\d+ % \|$", text, re.MULTILINE)
    assert len(re.findall(r"^\| \d+ \| \d+ \| 200 \|", text, re.MULTILINE)) == len(plan(20, 200, 1.5)) + 1
    assert page.with_suffix(".svg").read_text().startswith("<svg ")


def test_a_replica_that_shares_nothing_takes_what_its_parts_take() -> None:
    alone = COSTS.worker + COSTS.store + COSTS.sink + COSTS.steps * COSTS.sync
    assert Plant(COSTS).run(1, 5.0) == pytest.approx(1 / alone, rel=0.02)


def test_many_replicas_are_held_up_by_the_stores_one_thread() -> None:
    assert 0.9 / COSTS.store < Plant(COSTS).run(100, 5.0) <= 1 / COSTS.store


def test_replicas_that_share_processors_are_held_up_by_those() -> None:
    most = 2 / (COSTS.worker + COSTS.store + COSTS.sink)
    assert 0.9 * most < Plant(COSTS, processors=2).run(16, 5.0) <= 1.01 * most


def test_limits_of_relays_are_kept_in_the_simulation() -> None:
    relays = [Relay(rate=2.0, connections=1) for _ in range(10)]
    plant = Plant(COSTS)
    plant.give(relays, 100)
    assert plant.run(50, 20.0) == pytest.approx(20.0, rel=0.15)
    assert max(relay.most for relay in relays) == 1
    assert simulate(limited(50, 10, 20.0, 20.0), COSTS).most == 1


def test_the_fit_finds_the_disk_again() -> None:
    true = [Run(count, 0.0, COSTS.worker, COSTS.store, COSTS.sink, 2.2, 40.0, 2.0, others=0.5) for count in (1, 4)]
    runs = [replace(run, rate=simulated(COSTS, run, 2, 2.0)) for run in true]
    assert fit(runs, 2, 0.5).sync == pytest.approx(COSTS.sync, abs=0.0003)


def test_what_sharing_adds_to_a_mail_is_read_off_and_counts_where_processors_are_shared_alone() -> None:
    crowded = replace(COSTS, contention=0.0004)
    runs = [
        Run(count, 0.0, crowded.worker_among(count), COSTS.store, COSTS.sink, 2.2, 40.0, 2.0, others=0.0)
        for count in (1, 2, 4)
    ]
    found = fit([replace(run, rate=simulated(crowded, run, 2, 2.0)) for run in runs], 2, 0.5)
    assert (found.worker, found.contention) == pytest.approx((COSTS.worker, 0.0004))
    assert Plant(crowded, processors=2).run(16, 5.0) < 0.8 * Plant(COSTS, processors=2).run(16, 5.0)
    assert Plant(crowded).run(16, 5.0) == Plant(COSTS).run(16, 5.0)
