"""Rounds: every case once, then every case once more, so that what the machine does meanwhile falls on all alike."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from statistics import median

from benchmarks.pool.stories import Figures
from benchmarks.smtp.delay import delayed
from benchmarks.smtp.load import Load
from benchmarks.smtp.peers import TOP
from benchmarks.smtp.sink import Sink

RUN_SECONDS = 300
ENOUGH = 100  # mails behind which the relay ends a connection
Tell = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Case:
    """A story of `benchmarks.pool.client`. ``drops``: the relay ends connections, ``said``: with 421 for the next mail.

    ``round_trip`` in seconds, 0 for the loopback as it is.
    """

    story: str
    chunking: bool = False
    drops: bool = False
    said: bool = False
    round_trip: float = 0.0


@dataclass(slots=True)
class Measured:
    """All rounds of one case; with ``trouble`` there are no figures."""

    case: Case
    runs: list[Figures] = field(default_factory=list)
    trouble: str | None = None

    def all(self, name: str) -> list[float]:
        """A figure, round by round."""
        return [run[name] for run in self.runs]

    def median(self, name: str) -> float:
        """Of a figure."""
        return median(self.all(name))

    def ratio(self, other: Measured) -> list[float]:
        """Of the rates within each round: what slows a round slows both."""
        return [mine / theirs for mine, theirs in zip(self.all("rate"), other.all("rate"), strict=True)]


class Trouble(Exception):
    """This case has no figures, and why."""


class Bench:
    """One sink for all. A case that was in trouble once is not run again."""

    def __init__(self, sink: Sink, tell: Tell) -> None:
        self._sink, self._tell = sink, tell
        self._first = 1

    def measure(self, counts: Sequence[tuple[Case, int]], rounds: int) -> list[Measured]:
        """Each case with so many mails, in each round."""
        table = [(Measured(case), count) for case, count in counts]
        for number in range(rounds):
            self._tell(f"round {number + 1} of {rounds}")
            at = number % len(table)  # each round begins with another case
            for one, count in table[at:] + table[:at]:
                self._run(one, count)
        return [one for one, _ in table]

    def _run(self, one: Measured, count: int) -> None:
        if one.trouble is not None:
            return
        try:
            one.runs.append(self._figures(one.case, count))
        except Trouble as trouble:
            one.trouble = str(trouble)
            self._tell(f"{one.case}: {trouble}")

    def _figures(self, case: Case, count: int) -> Figures:
        load = Load(self._first, count)
        self._first += count
        self._sink.reset()
        self._sink.drop_after(ENOUGH if case.drops else 0, said=case.said)
        with _port(self._sink.port if case.chunking else self._sink.plain_port, case.round_trip) as port:
            found: Figures = json.loads(_output(case, port, load))
        sent = Load(load.first, int(found["mails"]))
        if (wrong := self._sink.received().mismatch(sent.expected())) is not None:
            raise Trouble(f"mismatch: {wrong}")
        return found


def _output(case: Case, port: int, load: Load) -> str:
    command = [sys.executable, "-m", "benchmarks.pool.client", case.story, str(port), str(load.first), str(load.count)]
    try:
        done = subprocess.run(command, check=True, capture_output=True, text=True, cwd=TOP, timeout=RUN_SECONDS)
    except subprocess.TimeoutExpired:
        raise Trouble(f"it did not end within {RUN_SECONDS} s") from None
    except subprocess.CalledProcessError as error:
        last = (error.stderr.strip().splitlines() or ["it said nothing"])[-1]
        raise Trouble(f"it failed: {last}") from None
    return done.stdout


def _port(port: int, round_trip: float) -> AbstractContextManager[int]:
    return delayed(port, round_trip) if round_trip else nullcontext(port)
