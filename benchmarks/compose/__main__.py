"""`python -m benchmarks.compose`: what a message costs to compose, as tables.

Exit codes: 0 with all figures, 1 where what a composer made is not the mail that it was given.
"""

from __future__ import annotations

import argparse
import platform
import sys
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from importlib.metadata import version
from pathlib import Path

from benchmarks.compose import held, nodemailer
from benchmarks.compose.composers import COMPOSERS, Compose
from benchmarks.compose.mails import Mail, typical, with_pdf
from benchmarks.compose.memory import FILE_SIZE, SMALL, Lost, measure_memory
from benchmarks.compose.report import MemoryTable, Table, report
from benchmarks.compose.rounds import measure, wrong
from benchmarks.compose.shipped import WAYS, order
from benchmarks.smtp import cores, machine, npm

RESULTS = Path(__file__).with_name("RESULTS.md")
QUICK_SHARE = 20  # of the mails of a whole run
_SLOW, _FAST = 60, 600  # mails in a round
_MEMORY_ROUNDS = 3


@dataclass(frozen=True, slots=True)
class Field:
    """Who composes; and who is not here, and why."""

    composers: Mapping[str, Compose]
    missing: Mapping[str, str] = field(default_factory=dict)


def arguments(words: Sequence[str] | None = None) -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.compose", description="composing, measured")
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--quick", action="store_true", help="few of all: a smoke test, not a figure")
    parser.add_argument("--output", type=Path, help=f"default: {RESULTS.name} beside the program; nowhere with --quick")
    given = parser.parse_args(words)
    if given.quick:
        given.rounds = 1
    elif given.output is None:
        given.output = RESULTS
    return given


def main() -> int:
    """Measure, print, write."""
    given, where = arguments(), list(machine.place())
    cores.keep_for_clients()
    with ExitStack() as until_the_end:
        there = _there(given, until_the_end)
        try:
            tables = _tables(there, given)
        except Lost as lost:
            print(lost, file=sys.stderr)
            return 1
    page = report(tables, given.rounds, [*where, f"versions: {', '.join(_versions())}"])
    print(page)
    if given.output is not None:
        given.output.write_text(page)
    return 0


def _there(given: argparse.Namespace, until_the_end: ExitStack) -> Field:
    if (why := npm.missing(install=not given.quick)) is not None:
        return Field(COMPOSERS, {nodemailer.NAME: why})
    warm = nodemailer.WARM // QUICK_SHARE if given.quick else nodemailer.WARM
    running = until_the_end.enter_context(nodemailer.Nodemailer(warm=warm))
    return Field({**COMPOSERS, nodemailer.NAME: running})


def _tables(there: Field, given: argparse.Namespace) -> list[Table | MemoryTable]:
    for make in (typical, with_pdf):
        for name, composer in there.composers.items():
            if (lost := wrong(composer(make(7)), make(7))) is not None:
                raise Lost(f"{name}: {lost} does not come back")
    return [
        _composed("A typical mail", typical, 1, there, given),
        _composed("A PDF of 1 MB that was seen before", with_pdf, 10, there, given),
        _rendered(given),
        _held(given),
    ]


def _held(given: argparse.Namespace) -> MemoryTable:
    size = SMALL if given.quick else FILE_SIZE
    if (why := held.lack()) is not None:
        return MemoryTable(size, {}, why)
    return MemoryTable(size, measure_memory(1 if given.quick else _MEMORY_ROUNDS, size))


def _composed(title: str, make: Callable[[int], Mail], fewer: int, there: Field, given: argparse.Namespace) -> Table:
    counts = {name: _count(name, fewer, given) for name in there.composers}
    return Table(title, measure(there.composers, make, counts, given.rounds), "`EmailMessage`", there.missing)


def _rendered(given: argparse.Namespace) -> Table:
    counts = {name: _count(name, 1, given) for name in WAYS}
    return Table(
        "A shipped template, rendered and composed", measure(WAYS, order, counts, given.rounds), next(iter(WAYS))
    )


def _count(name: str, fewer: int, given: argparse.Namespace) -> int:
    count = (_FAST if name.startswith("**Notifier") else _SLOW) // fewer
    return max(2, count // QUICK_SHARE) if given.quick else count


def _versions() -> list[str]:
    packages = ("notifier-worker", "jinja2", "django", "css-inline")
    ours = (f"Python {platform.python_version()} (with its email)", *(f"{name} {version(name)}" for name in packages))
    return [*ours, *npm.versions()]


if __name__ == "__main__":
    sys.exit(main())
