"""`python -m benchmarks`: every program in turn, then the one page, ``benchmarks/RESULTS.md``.

Exit codes: 0 with all figures, 1 where a program was in trouble: the others run all the same.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
from collections.abc import Sequence

from benchmarks import readme
from benchmarks.smtp.peers import TOP
from benchmarks.summary import HERE, PROGRAMS, Program, summary


def arguments(words: Sequence[str] | None = None) -> argparse.Namespace:
    """The command line."""
    names = [program.name for program in PROGRAMS]
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description="every benchmark, and the page of all")
    parser.add_argument("--full", action="store_true", help="the end-to-end part with the sizes of its targets")
    parser.add_argument("--quick", action="store_true", help="a smoke test of each: nothing is written")
    parser.add_argument("--only", nargs="+", choices=names, default=names, metavar="PROGRAM", help=", ".join(names))
    parser.add_argument(
        "--page", action="store_true", help="run nothing: the page out of the programs' own as they are"
    )
    return parser.parse_args(words)


def main() -> int:
    """Run, then write."""
    given = arguments()
    chosen = [] if given.page else [program for program in PROGRAMS if program.name in given.only]
    failed = [program.name for program in chosen if not _run(program, given)]
    if failed:
        print(f"in trouble: {', '.join(failed)}", file=sys.stderr)
    if not given.quick:
        (HERE / "RESULTS.md").write_text(summary())
        try:
            readme.write()
        except LookupError as missing:
            print(f"the README's figures stay as they are: {missing}", file=sys.stderr)
    print(summary())
    return 1 if failed else 0


def _run(program: Program, given: argparse.Namespace) -> bool:
    print(f"python -m {program.module}", file=sys.stderr, flush=True)
    options = ["--quick"] if given.quick else ["--full"] if given.full and program.name == "end_to_end" else []
    done = subprocess.run(
        [sys.executable, "-m", program.module, *options], cwd=TOP, stdout=subprocess.DEVNULL, check=False
    )
    return done.returncode == 0


if __name__ == "__main__":
    sys.exit(main())
