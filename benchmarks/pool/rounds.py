"""Rounds: every case once, then every case once more, so that what the machine does meanwhile falls on all alike."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from statistics import median

from benchmarks.pool.stories import Figures
from benchmarks.smtp.delay import delayed
from benchmarks.smtp.load import Load
from benchmarks.smtp.peers import TOP
from benchmarks.smtp.sink import Sink

RUN_SECONDS = 300
ENOUGH = 100  # mails behind which a relay ends a connection
KEEPS, LEAVES, SAYS_421 = "keeps connections", "leaves without a word", "says 421"
RELAYS = (KEEPS, LEAVES, SAYS_421)
Tell = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Case:
    """A story of `benchmarks.pool.client`, and the relays in it. ``round_trip`` in seconds, 0 for the loopback as it is."""

    story: str
    relays: tuple[str, ...] = (KEEPS,)
    chunking: bool = False
    round_trip: float = 0.0


@dataclass(slots=True)
class Measured:
    """All rounds of a case at one relay; with ``trouble`` there are no figures."""

    runs: list[Figures] = field(default_factory=list)
    trouble: str | None = None

    def all(self, name: str) -> list[float]:
        """A figure, round by round."""
        return [run[name] for run in self.runs]

    def median(self, name: str) -> float:
        """Of a figure."""
        return median(self.all(name))

    def ratios(self, name: str, other: Measured) -> list[float]:
        """Of a figure to the other's, within each round: what slows a round slows both."""
        return [mine / theirs for mine, theirs in zip(self.all(name), other.all(name), strict=True)]


Found = Mapping[tuple[Case, str], Measured]


class Trouble(Exception):
    """This case has no figures, and why."""


@contextmanager
def three_relays() -> Iterator[Mapping[str, Sink]]:
    """A sink of each kind. Raises `NoCompiler`."""
    with ExitStack() as stack:
        sinks = {relay: stack.enter_context(Sink()) for relay in RELAYS}
        sinks[LEAVES].drop_after(ENOUGH)
        sinks[SAYS_421].drop_after(ENOUGH, said=True)
        yield sinks


class Bench:
    """The cases at these relays. One that was in trouble once is not run again."""

    def __init__(self, sinks: Mapping[str, Sink], tell: Tell) -> None:
        self._sinks, self._tell = sinks, tell
        self._first = 1

    def measure(self, counts: Sequence[tuple[Case, int]], rounds: int) -> Found:
        """Each case with so many mails, in each round."""
        found = {(case, relay): Measured() for case, _ in counts for relay in case.relays}
        for number in range(rounds):
            self._tell(f"round {number + 1} of {rounds}")
            at = number % len(counts)  # each round begins with another case
            for case, count in [*counts[at:], *counts[:at]]:
                self._run(case, count, [found[case, relay] for relay in case.relays])
        return found

    def _run(self, case: Case, count: int, measured: Sequence[Measured]) -> None:
        if measured[0].trouble is not None:
            return
        try:
            for one, figures in zip(measured, self._figures(case, count), strict=True):
                one.runs.append(figures)
        except Trouble as trouble:
            for one in measured:
                one.trouble = str(trouble)
            self._tell(f"{case}: {trouble}")

    def _figures(self, case: Case, count: int) -> list[Figures]:
        sinks = [self._sinks[relay] for relay in case.relays]
        first, self._first = self._first, self._first + count * len(sinks)
        for sink in sinks:
            sink.reset()
        with _ports(case, sinks) as ports:
            found: list[Figures] = json.loads(_output(case, first, count, ports))
        for at, (sink, figures) in enumerate(zip(sinks, found, strict=True)):
            sent = Load(first + at * count, int(figures["mails"]))
            if (wrong := sink.received().mismatch(sent.expected())) is not None:
                raise Trouble(f"mismatch: {wrong}")
        return found


@contextmanager
def _ports(case: Case, sinks: Sequence[Sink]) -> Iterator[list[int]]:
    ports = [sink.port if case.chunking else sink.plain_port for sink in sinks]
    with ExitStack() as stack:
        yield [stack.enter_context(delayed(port, case.round_trip)) if case.round_trip else port for port in ports]


def _output(case: Case, first: int, count: int, ports: Sequence[int]) -> str:
    return said_by("benchmarks.pool.client", case.story, *map(str, (first, count, *ports)))


def said_by(program: str, *words: str) -> str:
    """What a process of its own prints. Raises `Trouble`."""
    command = [sys.executable, "-m", program, *words]
    try:
        done = subprocess.run(command, check=True, capture_output=True, text=True, cwd=TOP, timeout=RUN_SECONDS)
    except subprocess.TimeoutExpired:
        raise Trouble(f"it did not end within {RUN_SECONDS} s") from None
    except subprocess.CalledProcessError as error:
        last = (error.stderr.strip().splitlines() or ["it said nothing"])[-1]
        raise Trouble(f"it failed: {last}") from None
    return done.stdout
