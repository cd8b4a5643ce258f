"""The one page of all benchmarks: what was aimed at, what was found, and where it stands."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import product
from pathlib import Path

from benchmarks.end_to_end.report import TARGETS, table
from benchmarks.end_to_end.targets import Target
from benchmarks.pages import figure, footer, row, rows
from benchmarks.pool.report import COUNTED, DATA, FAR
from benchmarks.pool.rounds import ENOUGH, RELAYS

HERE = Path(__file__).parent


@dataclass(frozen=True, slots=True)
class Program:
    """``module`` writes ``page``; it is about ``what``."""

    name: str
    what: str

    @property
    def module(self) -> str:
        """For `python -m`."""
        return f"benchmarks.{self.name}"

    @property
    def page(self) -> Path:
        """Its own."""
        return HERE / self.name / "RESULTS.md"


PROGRAMS = (
    Program("end_to_end", "from the call to the relay's last word, real workers beside peers'"),
    Program("smtp", "SMTP clients alone, on one sink"),
    Program("pool", "the session pool"),
    Program("compose", "rendering and composing"),
    Program("delivery", "what the ledger costs"),
    Program("django_enqueue", "enqueueing through Django's API"),
    Program("scale", "one to eight replicas, and a thousand simulated"),
)
_PAGES = {program.name: program.page for program in PROGRAMS}
_HOW = """\
`make bench` runs every program, beside its peers in the same run, and writes this page out of theirs. What is measured, and how, stands on each page. Ratios carry over to
other machines, figures do not. A row that was not kept is one: what holds it back stands in [the explanation](../docs/explanation/performance.md)."""


def summary() -> str:
    """The page."""
    drawn = [f"![{name}](end_to_end/{name}.svg)" for name in ("drained", "growth")]
    drawn = [line for line in drawn if (HERE / line.partition("(")[2].rstrip(")")).exists()]
    return "\n".join(
        (
            *("# Benchmarks", "", _HOW, "", "## What was aimed at, and what was found", ""),
            *(*_end_to_end(), *list(table(_elsewhere()))[2:]),
            *("", *(part for line in drawn for part in (line, ""))),
            *("## Where each stands", "", *_places(), ""),
        )
    )


def _end_to_end() -> Iterator[str]:
    page = _PAGES["end_to_end"]
    head = [*TARGETS]
    yield f"| {' | '.join(head)} |"
    yield "|---|---|--:|---|"
    for cells in rows(page):
        if len(cells) == len(head) and cells[-1] in ("yes", "**no**", "–"):
            yield f"| {' | '.join(cells)} |"


def _elsewhere() -> Iterator[Target]:
    """What other programs have measured already."""
    smtp, kept = _PAGES["smtp"], "`smtplib`, one kept open"
    yield from _on_loopback(smtp, kept)
    for client, aim in (("**Notifier**, DATA", 3.8), ("**Notifier**, window of 128", 60.0)):
        both = row(smtp, client, number=1), row(smtp, kept, number=1)
        yield _target(f"round trip 20 ms, one connection: {client}, beside {kept}", both, aim, _times)
    yield from _pool()
    yield from _ledger()
    attached = row(_PAGES["compose"], "**Notifier**, as workers")
    yield _most("a file of 25 MB: memory beyond what there was", attached and attached[1], 8, " MiB")
    deferred = [row(_PAGES["delivery"], count) for count in ("0", "1,000,000")]
    none, many = ((figure(one[1]) if one else None) for one in deferred)
    grown = None if none is None or many is None else f"{many - none:.1f}"
    yield _most("a million deferred mails: memory of a worker beyond that without", grown, 1, " MB")


def _on_loopback(smtp: Path, kept: str) -> Iterator[Target]:
    """Rates as the page has them, the median of each round's ratio."""
    where = "loopback, one connection"
    for client, aim in (("**Notifier**, DATA", 3.5), ("**Notifier**, window of 128", 25.0)):
        one = row(smtp, client)
        yield _least(f"{where}: {client}: rate, of that of {kept}", one and one[6], aim)
    both = row(smtp, "**Notifier**, DATA"), row(smtp, kept)
    ours, theirs = ((figure(one[4]) if one else None) for one in both)
    share = None if ours is None or theirs is None else f"{ours / theirs:.2f}"
    yield _most(f"{where}: **Notifier**, DATA: processor time, of that of {kept}", share, 0.333, "")


def _pool() -> Iterator[Target]:
    pool = _PAGES["pool"]
    turn = row(pool, "checkout and return")
    yield _most("a session checked out and returned", turn and turn[1], 8, " µs")
    crowd = row(pool, "loopback")
    yield _most("64 threads on 8 sessions: the longest wait, of the median", crowd and crowd[4], 3, " times")
    for way, name in product((DATA, FAR, COUNTED), RELAYS[1:]):
        ended = row(pool, way, name)
        yield _least(
            f"{way}, a relay that ends connections behind {ENOUGH} mails ({name}): rate, of one's that keeps them",
            ended and ended[4],
            0.9,
        )


def _ledger() -> Iterator[Target]:
    page = _PAGES["delivery"]
    for mail, aim in (("a single mail", 250), ("each of a batch of 100, 100 in flight", 40)):
        added = row(page, mail)
        yield _most(f"what the ledger adds to {mail}: processor time", added and added[7], aim, " µs")
    kept = row(page, "mails")
    yield _most("a waiting mail in the store, with 1 KB of context", kept and kept[2], 2500, " octets")
    yield _most("a finished one", kept and kept[6], 400, " octets")


def _target(
    work: str, both: tuple[list[str] | None, ...], aim: float, found: Callable[[Sequence[list[str]]], float]
) -> Target:
    there = [one for one in both if one is not None]
    if len(there) < len(both):
        return Target(work, f"at least {aim:g} times", "not measured", None)
    value = found(there)
    return Target(work, f"at least {aim:g} times", f"{value:,.3g} times", value >= aim)


def _times(there: Sequence[list[str]]) -> float:
    ours, theirs = there
    return figure(ours[1]) / figure(theirs[1])


def _most(work: str, cell: str | None, aim: float, unit: str) -> Target:
    number = (cell or "").replace(",", "")
    if not number.replace(".", "").lstrip("-").isdigit():
        return Target(work, f"at most {aim:,g}{unit}", "not measured", None)
    return Target(work, f"at most {aim:,g}{unit}", f"{cell}{unit}", float(number) <= aim)


def _least(work: str, cell: str | None, aim: float) -> Target:
    if not cell or not cell.replace(".", "").isdigit():
        return Target(work, f"at least {aim:g}", "not measured", None)
    return Target(work, f"at least {aim:g}", cell, float(cell) >= aim)


def _places() -> Iterator[str]:
    yield "| program | what | run | machine | load before |"
    yield "|---|---|---|---|--:|"
    for program in PROGRAMS:
        said = footer(program.page)
        cells = (said.get(name, "–") for name in ("date", "machine", "load average before the run"))
        name = f"[{program.name}]({os.path.relpath(program.page, HERE)})" if program.page.exists() else program.name
        yield f"| {name} | {program.what} | {' | '.join(cells)} |"
