"""Rounds: every case once, then every case once more, each in a process of its own and with a store of its own."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import redis

from benchmarks.delivery.stories import Figures
from benchmarks.pool.rounds import Measured, Trouble
from benchmarks.smtp import cores
from benchmarks.smtp.peers import TOP
from benchmarks.smtp.sink import Sink
from notifier.testing import EmbeddedValkey

RUN_SECONDS = 900
Tell = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Case:
    """A story of `benchmarks.delivery.client`, how many mails it has, and its numbers. ``rounds``: no more than so many."""

    story: str
    count: int
    numbers: tuple[int, ...] = ()
    chunking: bool = False
    rounds: int = sys.maxsize


Found = Mapping[Case, Measured]


class Bench:
    """Each case at this sink. One that was in trouble once is not run again."""

    def __init__(self, sink: Sink, tell: Tell) -> None:
        self._sink, self._tell = sink, tell

    def measure(self, cases: Sequence[Case], rounds: int) -> Found:
        """All of them, in each round."""
        found = {case: Measured() for case in cases}
        for number in range(rounds):
            self._tell(f"round {number + 1} of {rounds}")
            at = number % len(cases)  # each round begins with another case
            for case in [*cases[at:], *cases[:at]]:
                if number < case.rounds:
                    self._run(case, found[case])
        return found

    def _run(self, case: Case, measured: Measured) -> None:
        if measured.trouble is not None:
            return
        try:
            measured.runs.append(self._figures(case))
        except Trouble as trouble:
            measured.trouble = str(trouble)
            self._tell(f"{case}: {trouble}")

    def _figures(self, case: Case) -> Figures:
        self._sink.reset()
        with EmbeddedValkey() as valkey:
            with redis.Redis.from_url(valkey.url) as server:
                cores.keep_for_servers(int(server.info("server")["process_id"]))
            port = self._sink.port if case.chunking else self._sink.plain_port
            figures: Figures = json.loads(_output(case, valkey.url, port))
        if (mails := self._sink.received().mails) != figures["mails"]:
            raise Trouble(f"mismatch: the sink has {mails} mails of {figures['mails']}")
        return figures


def _output(case: Case, url: str, port: int) -> str:
    words = (case.story, url, port, case.count, *case.numbers)
    command = [sys.executable, "-m", "benchmarks.delivery.client", *map(str, words)]
    try:
        done = subprocess.run(command, check=True, capture_output=True, text=True, cwd=TOP, timeout=RUN_SECONDS)
    except subprocess.TimeoutExpired:
        raise Trouble(f"it did not end within {RUN_SECONDS} s") from None
    except subprocess.CalledProcessError as error:
        last = (error.stderr.strip().splitlines() or ["it said nothing"])[-1]
        raise Trouble(f"it failed: {last}") from None
    return done.stdout
