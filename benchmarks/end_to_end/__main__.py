"""`python -m benchmarks.end_to_end`: from the call to the relay's last word, beside peers, as tables.

Exit codes: 0 with all figures, 1 where some are missing, 69 (EX_UNAVAILABLE) where the sink cannot be built.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence
from importlib.metadata import version
from pathlib import Path
from statistics import median

from benchmarks.delivery.__main__ import versions
from benchmarks.end_to_end.bars import bars
from benchmarks.end_to_end.found import PARTS, Bench, Found
from benchmarks.end_to_end.plan import Plan, chosen
from benchmarks.end_to_end.report import report
from benchmarks.scale.plot import plot
from benchmarks.smtp import machine
from benchmarks.smtp.sink import NoCompiler, Sink

RESULTS = Path(__file__).with_name("RESULTS.md")
PEERS = ("django", "django-celery-email", "flask-mail")


def arguments(words: Sequence[str] | None = None) -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.end_to_end", description="real workers, beside peers")
    parser.add_argument("--full", action="store_true", help="as many mails as the targets name: an hour and a half")
    parser.add_argument("--quick", action="store_true", help="few of all: a smoke test, not a figure")
    parser.add_argument("--mails", type=int, help="in bulk; half as many singles, an eighth as many for peers")
    parser.add_argument("--rounds", type=int, help="of what is drained")
    parser.add_argument("--only", nargs="+", choices=PARTS, default=PARTS, metavar="PART", help=", ".join(PARTS))
    parser.add_argument("--output", type=Path, help=f"default: {RESULTS.name} beside the program; nowhere with --quick")
    given = parser.parse_args(words)
    if given.output is None and not given.quick:
        given.output = RESULTS
    return given


def main() -> int:
    """Measure, print, write."""
    given = arguments()
    plan, where = chosen(given), list(_where())
    try:
        with Sink() as sink:
            found = Bench(plan, sink, _tell).run(given.only)
    except NoCompiler as error:
        _tell(str(error))
        return os.EX_UNAVAILABLE
    where.append(f"load average after the run, which makes some itself: {os.getloadavg()[0]:.2f}")
    page = report(found, _rounds(plan), where)
    print(page)
    if given.output is not None:
        given.output.write_text(page)
        _draw(found, given.output.parent)
    lost = [one for one in (*found.drained.values(), *found.far.values()) if one.trouble]
    return 1 if lost or found.trouble else 0


def _rounds(plan: Plan) -> str:
    return (
        f"Medians; *spread*: lowest and highest. {plan.rounds} interleaved rounds of what is drained, each run with a Valkey and a worker of its own; "
        f"{plan.light_rounds} of light load, {plan.enqueue_rounds} of enqueueing, {plan.starts} of starts; one of the others."
    )


def _draw(found: Found, folder: Path) -> None:
    if rates := {name: median(one.all("rate")) for name, one in found.drained.items() if one.runs}:
        (folder / "drained.svg").write_text(bars(rates, "mails a second, drained by a worker with two children"))
    if found.growth:
        series = {
            name: [(float(n), cost * 1e6) for n, cost in costs.items()] for name, costs in found.growth.items() if costs
        }
        (folder / "growth.svg").write_text(plot(series, "how many; upwards: processor time of a mail, µs"))


def _where() -> list[str]:
    place = [line for line in machine.place() if not line.startswith("cores:")]
    return [*place, f"versions: {', '.join([*versions(), *(f'{one} {version(one)}' for one in PEERS)])}"]


def _tell(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main())
