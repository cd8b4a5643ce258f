"""The cases, and their tables in Markdown."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from statistics import median

from benchmarks.delivery.mails import CONTEXT, REPLY
from benchmarks.delivery.rounds import Case, Found
from benchmarks.delivery.workers import DUE_NOW
from benchmarks.pool.rounds import Measured

STEPS: Mapping[str, str] = {
    "claim": "claim, with the reading of the mail",
    "dot": "begin_dot",
    "settle": "settle",
    "lease": "the lease keeper",
    "add": "add (enqueue)",
    "read": "in *claim*: the mail out of its JSON, which any queue has to do",
}
STEPPED = ("single", "each of a batch of 100")
_ADDED = """\
Processor time of the worker's process, user and system, for each mail from the claim to the settlement: the courier as workers
have it, delivering to a sink on the loopback, with the ledger (a Valkey, `durability=fsync`) and with a store that
keeps nothing and hands out the same JSON; a hundred mails of each way in turn, in one process. A processor that has slept for a millisecond (for
a disk, for the next mail) runs the same code at half its pace or less: *as late* is the store that keeps nothing and sleeps as long before each
answer as the ledger took for its own, what the sleeping costs by itself not counted. That is what a delivery costs without a ledger in a worker that has
to wait, and *added* is what the ledger takes more: claim with the suppression list, lease, the dot record, the settlement (the end of a
mail's bell, where it was alone, is one more claim that finds nothing). Promised: 250 µs for a single mail, 40 µs for each of a batch of
100. With one mail in flight each mail has a round trip of its own, for its dot and the settlement of the one before, whatever the batch; only in a
window several share one. *added to one that never waits*: the difference to the store that answers at once, in which the slower pace is the ledger's too."""
_STEPS = """\
The same by step, without a courier: one dot record and one settlement for the whole batch. *claim* and *add* ask the suppression
list in the same step."""
_MEMORY = f"""\
`used_memory` of the server, the difference over the number of mails; in brackets what MEMORY USAGE says of one record with its key.
{CONTEXT} octets of context of letters that hardly compress, one recipient; a finished mail keeps its state, recipients and history, with
the reply `{REPLY}` and the relay's name. Promised: 2,500 octets while a mail waits and 400 when it has ended. An idempotency key has an
entry of its own besides, for as long as its window (a day)."""
_WORKER = f"""\
`celery -A worker worker -c 1` with so many mails in the store that are due tomorrow, after it has delivered {DUE_NOW} that were due at once
and has swept for a while: resident memory (VmRSS). Promised: waiting mails cost a worker none."""


@dataclass(frozen=True, slots=True)
class Plan:
    """Every case, by the row that it stands in."""

    delivered: Mapping[str, Case]
    stepped: Mapping[str, Case]
    memory: Mapping[str, Case]
    workers: Mapping[str, Case]

    @property
    def cases(self) -> list[Case]:
        """All of them."""
        rows = (self.delivered, self.stepped, self.memory, self.workers)
        return [case for row in rows for case in row.values()]


def plan(singles: int, many: int, stored: int, waiting: int, *, memory_rounds: int = 1) -> Plan:
    """``singles`` and ``many`` mails delivered in a round, ``stored`` in the store, ``waiting`` for a worker."""
    ways = {
        "a single mail": (singles, 1, 1, False),
        "each of a batch of 100, one in flight": (many, 100, 1, False),
        "each of a batch of 100, 16 in flight": (many, 100, 16, True),
        "each of a batch of 100, 100 in flight": (many, 100, 100, True),
    }
    return Plan(
        {name: Case("deliver", count, tuple(sizes), bdat) for name, (count, *sizes, bdat) in ways.items()},
        {
            name: Case("steps", count, (size,))
            for name, count, size in zip(STEPPED, (singles, many), (1, 100), strict=True)
        },
        {
            "mails": Case("memory", stored, (0,), rounds=memory_rounds),
            "mails with an idempotency key": Case("memory", stored // 5, (1,), rounds=memory_rounds),
        },
        {f"{count:,}": Case("worker", count, rounds=memory_rounds) for count in (0, waiting)},
    )


def report(plan: Plan, found: Found, rounds: str, machine: Sequence[str]) -> str:
    """The whole page."""
    parts = ["# What the ledger costs", "", f"Medians of {rounds}, each case in a process and with a store of its own;"]
    parts += ["*spread*: lowest and highest round. The sink has counted every mail."]
    parts += ["", "## Added to a delivery", "", _ADDED, "", *_added(plan, found)]
    parts += ["", "## Step by step", "", _STEPS, "", *_steps(plan, found)]
    parts += ["", "## Memory of the store", "", _MEMORY, "", *_memory(plan, found)]
    parts += ["", "## Memory of a worker", "", _WORKER, "", *_workers(plan, found)]
    return "\n".join([*parts, "", *(f"- {line}" for line in machine), ""])


def _added(plan: Plan, found: Found) -> Iterator[str]:
    heads = ("without a ledger", "as late", "with the ledger", "added", "added to one that never waits")
    yield _row("µs a mail", *(cell for head in heads for cell in (head, "spread")))
    yield f"|---{'|--:' * 2 * len(heads)}|"
    for name, case in plan.delivered.items():
        if (trouble := found[case].trouble) is not None:
            yield _row(name, _no_figure(trouble), *[""] * (2 * len(heads) - 1))
            continue
        without, late, mine = (found[case].all(way) for way in ("without", "late", "with"))
        every = (without, late, mine, _more(mine, late), _more(mine, without))
        yield _row(name, *(cell for figures in every for cell in _micro(figures)))


def _more(ours: Sequence[float], theirs: Sequence[float]) -> list[float]:
    return [one - other for one, other in zip(ours, theirs, strict=True)]


def _steps(plan: Plan, found: Found) -> Iterator[str]:
    yield _row("µs a mail", *(cell for name in STEPPED for cell in (name, "spread")))
    yield f"|---{'|--:' * 4}|"
    for step, words in STEPS.items():
        cells: list[str] = []
        for case in plan.stepped.values():
            one = found[case]
            cells += (_no_figure(one.trouble), "") if one.trouble is not None else _micro(one.all(step))
        yield _row(words, *cells)


def _memory(plan: Plan, found: Found) -> Iterator[str]:
    yield _row(
        "octets a mail",
        "how many",
        "waiting",
        "spread",
        "its record",
        "its entry in the index",
        "finished",
        "spread",
        "its record",
    )
    yield f"|---{'|--:' * 8}|"
    for name, case in plan.memory.items():
        one = found[case]
        if one.trouble is not None:
            yield _row(name, f"{case.count:,}", _no_figure(one.trouble), *[""] * 6)
            continue
        waiting, finished = _whole(one, "waiting"), _whole(one, "finished")
        record, index, left = (f"({one.median(figure):,.0f})" for figure in ("record", "index", "left"))
        yield _row(name, f"{case.count:,}", *waiting, record, index, *finished, left)


def _workers(plan: Plan, found: Found) -> Iterator[str]:
    yield _row("mails due tomorrow", "main process, MB", "spread", "its child, MB", "spread")
    yield f"|--:{'|--:' * 4}|"
    for name, case in plan.workers.items():
        one = found[case]
        if one.trouble is not None:
            yield _row(name, _no_figure(one.trouble), *[""] * 3)
            continue
        sizes = ([octets / 1e6 for octets in one.all(figure)] for figure in ("main", "children"))
        yield _row(name, *(cell for figures in sizes for cell in _tenths(figures)))


def _row(*cells: str) -> str:
    return f"| {' | '.join(cells)} |"


def _micro(seconds: Sequence[float]) -> tuple[str, str]:
    figures = [1e6 * figure for figure in seconds]
    return f"{median(figures):,.0f}", f"{min(figures):,.0f}–{max(figures):,.0f}"


def _whole(one: Measured, name: str) -> tuple[str, str]:
    figures = one.all(name)
    return f"{median(figures):,.0f}", f"{min(figures):,.0f}–{max(figures):,.0f}"


def _tenths(figures: Sequence[float]) -> tuple[str, str]:
    return f"{median(figures):.1f}", f"{min(figures):.1f}–{max(figures):.1f}"


def _no_figure(trouble: str | None) -> str:
    return f"no figure: {trouble}".replace("|", "/")
