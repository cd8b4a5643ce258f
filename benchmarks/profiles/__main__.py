"""`python -m benchmarks.profiles`: where the processor time of a mail goes, for each target that has to do with it.

Exit codes: 0 with all tables, 69 (EX_UNAVAILABLE) where the sink cannot be built, py-spy may not look, or a run fails.
"""

from __future__ import annotations

import argparse
import os
import shutil
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from importlib.metadata import version
from pathlib import Path
from tempfile import TemporaryDirectory

from benchmarks.delivery.__main__ import versions
from benchmarks.end_to_end.cases import (
    BULK_CHUNKING,
    BULK_DATA,
    DJANGO_EACH,
    DJANGO_MANY,
    NOTIFIER,
    SINGLES,
    Case,
    drained,
)
from benchmarks.end_to_end.drain import WARM, Watch
from benchmarks.end_to_end.growth import USED
from benchmarks.end_to_end.light import RATE as RATE_OF_LIGHT_LOAD
from benchmarks.end_to_end.mails import COPIES, TEMPLATE, copy_of
from benchmarks.end_to_end.plant import Trouble, plant
from benchmarks.end_to_end.start import STATEMENTS
from benchmarks.profiles import floors as floors_of
from benchmarks.profiles import least
from benchmarks.profiles.shares import Shares, shares
from benchmarks.profiles.spy import RATE, NoSpy, around, beside
from benchmarks.scale.replicas import measure
from benchmarks.smtp import machine
from benchmarks.smtp.peers import TOP
from benchmarks.smtp.sink import NoCompiler, Sink
from notifier.rendering import shipped_templates

RESULTS = Path(__file__).with_name("RESULTS.md")
TEMPLATES = 1_000
FUNCTIONS = 12
MANY, ONE = "who enqueues: `send_bulk`", "who enqueues: `send_email.delay()` each"
COPIED = f"**Notifier**, `send_bulk`, DATA, {TEMPLATES:,} templates, each used twice"
USED_BEFORE = {
    1: f"**Notifier**, `send_bulk`, DATA, one template, used {USED * TEMPLATES:,} times before",
    TEMPLATES: f"**Notifier**, `send_bulk`, DATA, {TEMPLATES:,} templates, each used {USED} times before",
}
REPLICAS = {
    1: "**Notifier**, one replica with one child",
    8: "**Notifier**, one of eight replicas with a child each",
}
_HOW = f"""\
Whatever runs is looked at {RATE} times a second (py-spy, which stops nothing). A look counts for the part whose function is the innermost: what the standard library, redis-py or
jsonschema takes is their caller's. The cases are those of [the benchmark](../end_to_end/RESULTS.md), with a worker of two children where nothing else is said; what a mail takes is the system's count of the same run,
and is shared out by the looks; of who enqueues, that of a run before. A look also finds a thread that waits for a processor, and misses some that are short: a part is known to a few
hundredths, not to the microsecond."""


@dataclass(frozen=True, slots=True)
class Profile:
    """``cost``: processor seconds a mail."""

    cost: float
    shares: Shares


def worker(case: Case, sink: Sink, before: int = 0, **settings: str) -> Profile:
    """Of a worker and its children, from a twentieth of the mails on, and not ``before`` so many. Raises `NoSpy`, `Trouble`."""
    with TemporaryDirectory() as folder, plant(sink, case, Path(folder), **settings) as made:
        stacks = Path(folder) / "stacks"
        made.enqueue(case.peer, case.function, 1, case.count)
        with made.worker(case.peer.app, case.slots) as process:
            watch = Watch(made, case, sink, process)
            begin = watch.at(max(1, before, int(WARM * case.count)))
            with beside(process.pid, stacks):
                end = watch.at(case.count)
        return Profile((end.worker - begin.worker) / (end.done - begin.done), shares(stacks.read_text().splitlines()))


def caller(function: str, count: int, sink: Sink) -> Profile:
    """Of a process that enqueues. Raises `NoSpy`, `Trouble`."""
    case = Case(NOTIFIER, count, function)
    with TemporaryDirectory() as folder, plant(sink, case, Path(folder)) as made:
        cost = made.enqueue(case.peer, function, 1, count)["processor_seconds"] / count
        stacks, words = Path(folder) / "stacks", (case.peer.module, function, str(count + 1), str(count))
        command = [sys.executable, "-m", "benchmarks.end_to_end.client", *words]
        around(command, stacks, env=made.environ, cwd=TOP)
        return Profile(
            cost, shares(stacks.read_text().splitlines(), lambda frames: any(f"{function} (" in one for one in frames))
        )


def copied(copies: int, mails: int, before: int, sink: Sink) -> Profile:
    """A worker that has so many templates, each used in turn; looked at when ``before`` mails have gone."""
    with TemporaryDirectory() as folder:
        for copy in range(copies):
            shutil.copytree(shipped_templates() / TEMPLATE, Path(folder) / copy_of(copy))
        case = Case(NOTIFIER, before + mails, "enqueue_copies")
        return worker(case, sink, before, NOTIFIER_TEMPLATES=folder, **{COPIES: str(copies)})


def replica(count: int, mails: int, sink: Sink) -> Profile:
    """One of so many workers with a child each, and what all of them take for a mail."""
    with TemporaryDirectory() as folder:
        stacks = Path(folder) / "stacks"
        run = measure(count, mails * (count + 1) // 2, sink, look=lambda pid: beside(pid, stacks))
        return Profile(run.worker, shares(stacks.read_text().splitlines()))


def profiles(mails: int, sink: Sink) -> Mapping[str, Callable[[], Profile]]:
    """What is looked at, by its title."""
    cases = drained(mails, mails // 2, mails // 8)
    asked = (BULK_DATA, BULK_CHUNKING, SINGLES, DJANGO_MANY, DJANGO_EACH)
    of_workers = {name: partial(worker, cases[name], sink) for name in asked}
    return {
        **of_workers,
        COPIED: partial(copied, TEMPLATES, min(mails, 2 * TEMPLATES), 0, sink),
        **{USED_BEFORE[count]: partial(copied, count, mails // 2, USED * TEMPLATES, sink) for count in USED_BEFORE},
        **{REPLICAS[count]: partial(replica, count, mails // 2, sink) for count in REPLICAS},
        MANY: partial(caller, "enqueue_many", mails, sink),
        ONE: partial(caller, "enqueue", mails // 2, sink),
    }


def floors() -> Iterator[str]:
    """What nobody's code takes away."""
    write, read = floors_of.disk()
    yield from ("## A wait for the disk", "")
    yield f"Valkey, `appendfsync always`, {RATE_OF_LIGHT_LOAD} a second, from another process: a write {write * 1e3:.2f} ms, a read {read * 1e3:.2f} ms; medians."
    tls, plain = floors_of.encryption(10)
    yield from ("", "## STARTTLS without a client", "")
    yield (
        f"The same mails of 50 KB to the same sink, from a bare socket with octets that were made beforehand: {tls * 1e3:.3f} ms with TLS, {plain * 1e3:.3f} ms without, "
        f"{tls / plain:.2f} times."
    )
    yield from _least(5_000)
    for statement in STATEMENTS:
        found = floors_of.imported(statement)
        ours = sum(seconds for name, seconds in found if name.partition(".")[0] == "notifier")
        yield from ("", f"## `{statement}`", "")
        yield f"{len(found)} modules; {ours * 1e3:.0f} of {sum(seconds for _, seconds in found) * 1e3:.0f} ms are ours (`-X importtime`, which makes them dearer; without what every interpreter loads)."
        yield from ("", "| module | by itself, ms |", "|---|--:|")
        yield from (f"| `{name}` | {seconds * 1e3:.1f} |" for name, seconds in found[:FUNCTIONS])


def _least(mails: int) -> Iterator[str]:
    both, ours, jinja = least.rendered(mails)
    yield from ("", "## A template and a message, and nothing else", "")
    yield (
        f"The same mail in a process that does nothing else, no ledger, no relay, no queue: {both * 1e6:,.0f} µs of processor time for template and message, {ours * 1e6:,.0f} for the linked "
        f"template alone; Jinja2 alone takes {jinja * 1e6:,.0f} for it, styles not inlined."
    )
    yield from ("", "## A record, and nothing else", "")
    yield (
        f"The same mails written down by redis-py, {least.BLOCK} in one round trip, and nothing checked: JSON, SHA-256, a random id, a hash and a key that must be new: "
        f"{least.recorded(mails) * 1e6:,.0f} µs of the caller's processor time for each; by itself {least.recorded(mails, 1) * 1e6:,.0f}."
    )


def page(found: Mapping[str, Profile], below: Sequence[str], where: Sequence[str]) -> str:
    """All of it."""
    parts = [line for name, one in found.items() for line in ("", f"## {name}", "", *_tables(one))]
    foot = [f"- {line}" for line in where]
    return "\n".join(("# Where the processor time goes", "", _HOW, *parts, "", *below, "", *foot, ""))


def _tables(one: Profile) -> Iterator[str]:
    yield f"{one.cost * 1e6:,.0f} µs a mail, {one.shares.samples:,} looks."
    yield from ("", "| part | share | µs a mail |", "|---|--:|--:|")
    for part, looks in one.shares.parts.most_common():
        yield f"| {part} | {looks / one.shares.samples:.1%} | {one.cost * 1e6 * looks / one.shares.samples:,.0f} |"
    yield from ("", "| function, with what it calls outside of its part | part | share |", "|---|---|--:|")
    for (part, function), looks in one.shares.functions.most_common(FUNCTIONS):
        yield f"| `{function}` | {part} | {looks / one.shares.samples:.1%} |"


def main() -> int:
    """Look, print, write."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.profiles", description="where a mail's time goes")
    parser.add_argument("--mails", type=int, default=6_000, help="in bulk; half as many singles, an eighth for peers")
    parser.add_argument("--output", type=Path, default=RESULTS, help=f"default: {RESULTS.name} beside the program")
    given = parser.parse_args()
    where = [*machine.place(), f"versions: {', '.join([*versions(), 'py-spy ' + version('py-spy')])}"]
    found: dict[str, Profile] = {}
    try:
        with Sink() as sink:
            for name, look in profiles(given.mails, sink).items():
                print(name, file=sys.stderr, flush=True)
                found[name] = look()
        below = list(floors())
    except (NoCompiler, NoSpy, Trouble) as error:
        print(error, file=sys.stderr)
        return os.EX_UNAVAILABLE
    given.output.write_text(page(found, below, where))
    print(given.output.read_text())
    return 0


if __name__ == "__main__":
    sys.exit(main())
