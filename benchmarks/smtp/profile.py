"""Where `Session.send_many` spends its processor time: `python -m benchmarks.smtp.profile [--window N] [--mails N]`.

cProfile makes short functions look dearer than they are, so what the same run costs without it stands above the table.
It goes by the clock on the wall (a processor's clock is so slow to read that it would be most of what is seen): the
time of `poll` is spent waiting for the sink.
"""

from __future__ import annotations

import argparse
import cProfile
import pstats
from collections.abc import Iterator
from pathlib import Path

from benchmarks.smtp import cores
from benchmarks.smtp.client import processor_seconds
from benchmarks.smtp.load import Load
from benchmarks.smtp.peers import TOP
from benchmarks.smtp.senders import notifier_session
from benchmarks.smtp.sink import Sink

ROWS = 30
Place = tuple[str, int, str]


def plain(port: int, load: Load, window: int) -> float:
    """Processor seconds for a mail, without the profiler."""
    with notifier_session(port, list(load.messages()), window) as send:
        began = processor_seconds()
        send()
        return (processor_seconds() - began) / load.count


def profiled(port: int, load: Load, window: int) -> pstats.Stats:
    """The same under cProfile."""
    profile = cProfile.Profile()
    with notifier_session(port, list(load.messages()), window) as send:
        profile.runcall(send)
    return pstats.Stats(profile)


def rows(stats: pstats.Stats, mails: int) -> Iterator[str]:
    """The functions with the most time of their own."""
    yield "| calls a mail | own µs a mail | with callees µs | function |"
    yield "|--:|--:|--:|---|"
    found = sorted(stats.stats.items(), key=lambda item: -item[1][2])  # type: ignore[attr-defined]
    for place, (_, calls, own, whole, _) in found[:ROWS]:
        yield f"| {calls / mails:.1f} | {own / mails * 1e6:.1f} | {whole / mails * 1e6:.1f} | {name(place)} |"


def name(place: Place) -> str:
    """The function, with its file where it has one."""
    file, line, function = place
    if file == "~":
        return f"`{function.strip('<>')}`"
    path = Path(file)
    shown = path.relative_to(TOP) if path.is_relative_to(TOP) else Path(path.name)
    return f"`{function}` {shown}:{line}"


def main() -> None:
    """Print both."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.smtp.profile", description="where a mail's time goes")
    parser.add_argument("--mails", type=int, default=5000)
    parser.add_argument("--window", type=int, default=1, help="more than one: CHUNKING is offered")
    given = parser.parse_args()
    cores.keep_for_clients()
    with Sink() as sink:
        port = sink.port if given.window > 1 else sink.plain_port
        plain(port, Load(0, given.mails), given.window)  # the first one warms caches
        cost = plain(port, Load(0, given.mails), given.window)
        stats = profiled(port, Load(0, given.mails), given.window)
    print(f"{cost * 1e6:.0f} µs of processor time a mail without the profiler\n")
    print("\n".join(rows(stats, given.mails)))


if __name__ == "__main__":
    main()
