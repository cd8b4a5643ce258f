"""`python -m benchmarks.compose`: what a message costs to compose, as tables.

Exit codes: 0 with all figures, 1 where what a composer made is not the mail that it was given.
"""

from __future__ import annotations

import argparse
import platform
import sys
from collections.abc import Callable, Sequence
from importlib.metadata import version
from pathlib import Path

from benchmarks.compose.composers import COMPOSERS
from benchmarks.compose.mails import Mail, typical, with_pdf
from benchmarks.compose.report import Table, report
from benchmarks.compose.rounds import measure, wrong
from benchmarks.compose.shipped import WAYS, order
from benchmarks.smtp import cores, machine

RESULTS = Path(__file__).with_name("RESULTS.md")
QUICK_SHARE = 20  # of the mails of a whole run
_SLOW, _FAST = 60, 600  # mails in a round


def arguments(words: Sequence[str] | None = None) -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.compose", description="composing, measured")
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--quick", action="store_true", help="few of all: a smoke test, not a figure")
    parser.add_argument("--output", type=Path, help=f"default: {RESULTS.name} beside the program; nowhere with --quick")
    given = parser.parse_args(words)
    if given.quick:
        given.rounds = 2
    elif given.output is None:
        given.output = RESULTS
    return given


def main() -> int:
    """Measure, print, write."""
    given, where = arguments(), [*machine.place(), f"versions: {', '.join(_versions())}"]
    cores.keep_for_clients()
    for make in (typical, with_pdf):
        for name, composer in COMPOSERS.items():
            if (lack := wrong(composer(make(7)), make(7))) is not None:
                print(f"{name}: {lack} does not come back", file=sys.stderr)
                return 1
    tables = [
        _composed("A typical mail", typical, 1, given),
        _composed("A PDF of 1 MB that was seen before", with_pdf, 10, given),
        _rendered(given),
    ]
    page = report(tables, given.rounds, where)
    print(page)
    if given.output is not None:
        given.output.write_text(page)
    return 0


def _composed(title: str, make: Callable[[int], Mail], fewer: int, given: argparse.Namespace) -> Table:
    counts = {name: _count(name, fewer, given) for name in COMPOSERS}
    return Table(title, measure(COMPOSERS, make, counts, given.rounds), "`EmailMessage`")


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
    return [f"Python {platform.python_version()} (with its email)", *(f"{name} {version(name)}" for name in packages)]


if __name__ == "__main__":
    sys.exit(main())
