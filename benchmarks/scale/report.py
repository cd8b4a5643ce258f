"""The tables in Markdown."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from benchmarks.scale.model import Costs
from benchmarks.scale.replicas import Run
from benchmarks.scale.scenarios import Answer, Scenario

_MEASURED = """\
`celery -A worker worker -c 1` as often as the row says, one Valkey (`durability=fsync`, `appendfsync always`), one sink of `benchmarks/smtp` that takes all
mail, `connections=` and `rate=` set so high that they never bind: they are asked for all the same. Counted from the 15th to the 85th
of a hundred mails, once each replica has sent some. All of it shares {processors} processors, with programs of others beside it (*others*: how many processors those used meanwhile), so that more
replicas are not more processors. *steps*: scripts of the ledger; *commands*: with those inside of scripts, and the broker's; *syncs*: waits for the disk. The last row ends the
connection behind each mail."""
_CHECKED = """\
A discrete-event simulation (simpy) with the processor times above and the processors as a resource that all share, of which others use what they used in that run. Two numbers are
fitted, to {calibrated} replicas together: a mail takes {worker:.2f} ms of a worker that is alone, and {contention:.2f} ms more for each doubling of the replicas on these processors; and a
sync of the disk takes {sync:.1f} ms. {checked} replicas were not used for it: a mail is expected to take {expected:.2f} ms of a worker there, and took {taken:.2f}."""
_SIMULATED = """\
**Nothing of this table was run.** Each replica has a processor of its own, each store one and a disk as above, and the network costs nothing; each mail opens a connection, as the last
row above did, for with so many relays it hardly meets its own again. That a step of the store costs the same whatever the number of relays and replicas is assumed.
Several stores are installations that know nothing of each other; one is simulated, and multiplied. *put back*: mails that met a limit, for each one sent. What it costs to put a
batch back was not measured: it is taken as one step. In the last row all relays together take half of what one store carries."""


@dataclass(frozen=True, slots=True)
class Calibration:
    """``rows``: each run with its simulated rate, the one that was not calibrated on last; ``fresh``: with a connection a mail."""

    costs: Costs
    processors: int
    rows: Sequence[tuple[Run, float]]
    fresh: Run


def report(table: Calibration, answers: Sequence[tuple[Scenario, Answer]], rounds: str, where: Sequence[str]) -> str:
    """The page."""
    *calibrated, (checked, _) = table.rows
    named = ", ".join(str(run.replicas) for run, _ in calibrated)
    said = _CHECKED.format(
        calibrated=named,
        checked=checked.replicas,
        sync=table.costs.sync * 1000,
        worker=table.costs.worker * 1000,
        contention=table.costs.contention * 1000,
        expected=table.costs.worker_among(checked.replicas) * 1000,
        taken=checked.worker * 1000,
    )
    measured = [*(run for run, _ in table.rows), table.fresh]
    return "\n".join(
        (
            "# What replicas carry",
            "",
            f"Measured: {rounds}.",
            *("", "## Measured", "", _MEASURED.format(processors=table.processors), "", *_measured(measured)),
            *("", "## The simulation beside it", "", said, "", *_checked(table.rows)),
            *("", "## Simulated: many replicas, many relays", "", _SIMULATED, "", *_simulated(answers)),
            *("", "![mails a second over replicas](RESULTS.svg)", ""),
            *(f"- {line}" for line in where),
            "",
        )
    )


def _measured(runs: Sequence[Run]) -> Iterator[str]:
    yield "| replicas | mails/s | worker, µs a mail | Valkey, µs a mail | sink, µs a mail | steps a mail | commands a mail | commands/s | syncs a mail | others |"
    yield "|---|--:|--:|--:|--:|--:|--:|--:|--:|--:|"
    for number, run in enumerate(runs):
        name = f"{run.replicas}, a connection a mail" if number == len(runs) - 1 else str(run.replicas)
        times = " | ".join(f"{one * 1e6:,.0f}" for one in (run.worker, run.store, run.sink))
        asked = f"{run.steps:.1f} | {run.commands:.0f} | {run.commands * run.rate:,.0f} | {run.syncs:.1f} | {run.others:.2f}"
        yield f"| {name} | {run.rate:,.0f} | {times} | {asked} |"


def _checked(rows: Sequence[tuple[Run, float]]) -> Iterator[str]:
    yield "| replicas | measured, mails/s | simulated | off by |"
    yield "|---|--:|--:|--:|"
    for number, (run, rate) in enumerate(rows):
        name = f"**{run.replicas}, the check**" if number == len(rows) - 1 else f"{run.replicas}, calibrated on"
        yield f"| {name} | {run.rate:,.0f} | {rate:,.0f} | {(rate / run.rate - 1) * 100:+.0f} % |"


def _simulated(answers: Sequence[tuple[Scenario, Answer]]) -> Iterator[str]:
    yield "| replicas | stores | relays | caps of each relay | mails/s | a store is busy | put back | most connections to a relay |"
    yield "|--:|--:|--:|---|--:|--:|--:|--:|"
    for one, answer in answers:
        caps = f"{one.rate:,.3g}/s, {one.connections} connection{'s' if one.connections > 1 else ''}"
        row = f"| {one.replicas:,} | {one.stores} | {one.relays:,} | {caps} | {answer.rate:,.0f} | {min(1.0, answer.busy):.0%} |"
        yield f"{row} {answer.put_back:.2f} | {answer.most} |"
