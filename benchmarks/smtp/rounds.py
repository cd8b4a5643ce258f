"""Rounds: every peer once, then every peer once more, so that what the machine does meanwhile falls on all alike."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from statistics import median

from benchmarks.smtp.delay import delayed
from benchmarks.smtp.load import Load
from benchmarks.smtp.peers import PEERS, TOP, Peer
from benchmarks.smtp.sink import Received, Sink

RUN_SECONDS = 900
IN_FLIGHT_FACTOR = 10  # a peer with many mails under way is given that many more, or its run is over before it began
Tell = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Run:
    """One peer, one round. ``rate``: mails a second; ``processor``: the client's, in seconds per mail."""

    rate: float
    processor: float
    by_bdat: bool


@dataclass(slots=True)
class Measured:
    """All rounds of one peer; with ``trouble`` there are no figures."""

    peer: Peer
    runs: list[Run] = field(default_factory=list)
    trouble: str | None = None

    @property
    def rates(self) -> list[float]:
        """Mails a second, round by round."""
        return [run.rate for run in self.runs]

    @property
    def rate(self) -> float:
        """The median."""
        return median(self.rates)

    @property
    def processor(self) -> float:
        """The median of the client's processor time, in seconds per mail."""
        return median(run.processor for run in self.runs)

    @property
    def by(self) -> str:
        """The command that the sink got its mails by."""
        return "BDAT" if self.runs[-1].by_bdat else "DATA"

    def ratio(self, reference: Measured) -> float:
        """The median of the ratios within each round: what slows a round slows both."""
        return median(own / other for own, other in zip(self.rates, reference.rates, strict=True))


@dataclass(frozen=True, slots=True)
class Plan:
    """How much is sent. ``round_trip`` in seconds, 0 for the loopback as it is."""

    messages: int
    rounds: int
    round_trip: float = 0.0
    in_flight_messages: int | None = None


class Trouble(Exception):
    """This peer has no figures, and why."""


class Bench:
    """One sink and the peers that are there. A peer that was in trouble once is not run again."""

    def __init__(self, sink: Sink, absent: Mapping[str, str], tell: Tell) -> None:
        self._sink, self._tell = sink, tell
        self._trouble = dict(absent)
        self._in_flight: frozenset[str] | None = None
        self._first = 1

    def measure(self, plan: Plan) -> list[Measured]:
        """The rounds of a plan. Before the first plan there is a round that does not count: it shows how each sends."""
        with self._ports(plan.round_trip) as ports:
            if self._in_flight is None:
                self._in_flight = self._trial(plan, ports)
            table = self._table()
            for number in range(plan.rounds):
                self._tell(f"round {number + 1} of {plan.rounds}, round trip {plan.round_trip * 1000:g} ms")
                # Each round begins with another peer: no one is always behind the same neighbour.
                at = number % len(table)
                self._round(plan, table[at:] + table[:at], ports)
        return table

    def _table(self) -> list[Measured]:
        return [Measured(peer, trouble=self._trouble.get(peer.key)) for peer in PEERS]

    def _trial(self, plan: Plan, ports: Mapping[bool, int]) -> frozenset[str]:
        """The peers that have many mails under way: they could, and they used BDAT."""
        table = self._table()
        self._round(Plan(max(10, plan.messages // 10), 1), table, ports)
        sound = [one for one in table if one.trouble is None]
        return frozenset(one.peer.key for one in sound if one.peer.in_flight and one.runs[-1].by_bdat)

    def _round(self, plan: Plan, table: Sequence[Measured], ports: Mapping[bool, int]) -> None:
        for one in table:
            if one.trouble is not None:
                continue
            try:
                one.runs.append(self._run(one.peer, ports[one.peer.chunking], self._count(plan, one.peer)))
            except Trouble as trouble:
                one.trouble = self._trouble[one.peer.key] = str(trouble)
                self._tell(f"{one.peer.key}: {trouble}")

    def _count(self, plan: Plan, peer: Peer) -> int:
        if peer.key not in (self._in_flight or ()):
            return plan.messages
        return plan.in_flight_messages or plan.messages * IN_FLIGHT_FACTOR

    def _run(self, peer: Peer, port: int, count: int) -> Run:
        load = Load(self._first, count, same=peer.same)
        self._first += count
        self._sink.reset()
        said = _output(peer, port, load)
        received = self._sink.received()
        if (wrong := received.mismatch(load.expected())) is not None:
            raise Trouble(f"mismatch: {wrong}")
        return _figures(said, received)

    @contextmanager
    def _ports(self, round_trip: float) -> Iterator[Mapping[bool, int]]:
        ports = {True: self._sink.port, False: self._sink.plain_port}
        if not round_trip:
            yield ports
            return
        with delayed(ports[True], round_trip) as chunking, delayed(ports[False], round_trip) as plain:
            yield {True: chunking, False: plain}


def _output(peer: Peer, port: int, load: Load) -> str:
    command, given = peer.command(port, load)
    try:
        done = subprocess.run(
            command, check=True, input=given, capture_output=True, text=True, cwd=TOP, timeout=RUN_SECONDS
        )
    except subprocess.TimeoutExpired:
        raise Trouble(f"it did not end within {RUN_SECONDS} s") from None
    except subprocess.CalledProcessError as error:
        last = (error.stderr.strip().splitlines() or ["it said nothing"])[-1]
        raise Trouble(f"it failed: {last}") from None
    return done.stdout


def _figures(said: str, received: Received) -> Run:
    took = json.loads(said)
    mails = took["mails"]
    return Run(mails / took["seconds"], took["processor_seconds"] / mails, received.by_bdat == received.mails)
