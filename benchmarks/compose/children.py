"""`python -m benchmarks.compose.children`: what a worker's children take of the processor to compile and link a template, as a table.

They are forked one after the other from a process that has all modules, as a worker forks them; once each makes its own code, and once
they share it.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from importlib.metadata import version
from pathlib import Path
from statistics import median

from benchmarks.end_to_end.mails import TEMPLATE, context
from benchmarks.smtp import machine
from notifier.rendering import Renderer, SharedCode, TemplateLibrary
from notifier.tasks.runtime import LOOK_EVERY

RESULTS = Path(__file__).with_name("CHILDREN.md")
CHILDREN = ("the first child", "the second", "the third")
OWN, SHARED = "each its own code", "**shared**"
Figures = list[float]  # processor seconds: of the first mail, of the first mails with the linking, of each later one


def arguments(words: Sequence[str] | None = None) -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.compose.children", description="children of a worker")
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--mails", type=int, default=400, help="of each child; it links after two hundred")
    parser.add_argument("--quick", action="store_true", help="a smoke test, not a figure")
    parser.add_argument("--output", type=Path, help=f"default: {RESULTS.name} beside the program; nowhere with --quick")
    given = parser.parse_args(words)
    if given.quick:
        given.rounds, given.mails = 1, 250
    elif given.output is None:
        given.output = RESULTS
    return given


def main() -> int:
    """Measure, print, write."""
    given, where = arguments(), list(machine.place())
    found: dict[tuple[str, str], list[Figures]] = {}
    for _ in range(given.rounds):
        for way, shared in ((OWN, None), (SHARED, SharedCode())):
            for child in CHILDREN:
                found.setdefault((way, child), []).append(_in_a_child(given.mails, shared))
    page = "\n".join([*_lines(found, given), "", *(f"- {line}" for line in (*where, _versions())), ""])
    print(page)
    if given.output is not None:
        given.output.write_text(page)
    return 0


def _in_a_child(mails: int, shared: SharedCode | None) -> Figures:
    reading, writing = os.pipe()
    child = os.fork()
    if not child:
        status = 1
        try:
            os.write(writing, json.dumps(_measured(mails, shared)).encode())
            status = 0
        finally:
            os._exit(status)
    os.close(writing)
    with os.fdopen(reading) as answer:
        said = answer.read()
    os.waitpid(child, 0)
    figures: Figures = json.loads(said)
    return figures


def _measured(mails: int, shared: SharedCode | None) -> Figures:
    renderer = Renderer(TemplateLibrary(look_every=LOOK_EVERY), shared=shared)
    began = time.process_time()
    renderer.render(TEMPLATE, context(0))
    first = time.process_time()
    for number in range(1, mails):
        renderer.render(TEMPLATE, context(number))
    for linker in [one for one in threading.enumerate() if one.name == "notifier-linker"]:
        linker.join()
    warm = time.process_time()
    for number in range(mails):
        renderer.render(TEMPLATE, context(number))
    return [first - began, warm - began, (time.process_time() - warm) / mails]


def _lines(found: Mapping[tuple[str, str], Sequence[Figures]], given: argparse.Namespace) -> Iterator[str]:
    yield "# A template's code, in one child after the other"
    yield ""
    yield f"Processor time (user and system) of rendering `{TEMPLATE}`: of a child's first mail, of its first {given.mails} with the thread that links, and of each"
    yield f"mail behind them. Medians of {given.rounds} rounds; *spread*: lowest and highest."
    yield ""
    yield f"| code | child | first mail, ms | spread | first {given.mails} mails, ms | spread | each later, µs |"
    yield "|---|---|--:|--:|--:|--:|--:|"
    for (way, child), figures in found.items():
        first, warm, later = (sorted(one) for one in zip(*figures, strict=True))
        yield f"| {way} | {child} | {_of(first)} | {_of(warm)} | {1e6 * median(later):,.0f} |"


def _of(seconds: Sequence[float]) -> str:
    return f"{1e3 * median(seconds):,.1f} | {1e3 * min(seconds):,.1f}–{1e3 * max(seconds):,.1f}"


def _versions() -> str:
    return f"versions: Python {platform.python_version()}, notifier-worker {version('notifier-worker')}, jinja2 {version('jinja2')}"


if __name__ == "__main__":
    raise SystemExit(main())
