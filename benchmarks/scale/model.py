"""The simulation: replicas, the store's single thread with its disk, relays with their limits, processors.

Events and processes are simpy's. A mail takes its processor time in as many slices as it has steps of the ledger; between
two slices its replica waits for the store. The store takes whatever waits for it in one go, works, syncs once, and
answers all: that is what Valkey does with `appendfsync always`.
"""

from __future__ import annotations

import heapq
import math
from collections.abc import Generator
from dataclasses import dataclass, field
from typing import Any

import simpy

from benchmarks.scale.relays import Relay

Steps = Generator[simpy.Event, Any, None]
WARM_UP = 0.2  # of the simulated time, not counted
SLICE = 0.001  # seconds that another program has a processor at a time
NO_PLACE = 1.0  # seconds until a mail that found all connections taken is looked at again
SWEEP = 5.0  # seconds between the looks of a replica that finds nothing due; each looks at other moments
BATCH = 50


@dataclass(frozen=True, slots=True)
class Costs:
    """Seconds for a mail: processor time of worker, store and sink; ``steps`` wait for one sync of the disk each, ``sync`` seconds long.

    ``worker`` is what one replica takes, ``contention`` what each doubling of the replicas that share processors adds to it.
    """

    worker: float
    store: float
    sink: float
    steps: int
    sync: float
    contention: float = 0.0

    def worker_among(self, replicas: int) -> float:
        """Of each of so many on the same processors."""
        return self.worker + self.contention * math.log2(replicas)


@dataclass
class Plant:
    """``processors``: shared by all, None where each process has its own. ``others``: how many of them other programs use."""

    costs: Costs
    processors: int | None = None
    others: float = 0.0
    env: simpy.Environment = field(default_factory=simpy.Environment)
    sent: int = 0
    put_back: int = 0
    store_busy: float = 0.0

    def __post_init__(self) -> None:
        self._asked: list[simpy.Event] = []
        self._bell = self.env.event()
        self._cores = None if self.processors is None else simpy.PriorityResource(self.env, self.processors)
        self._sink = simpy.Resource(self.env, 1)
        self._due: list[tuple[float, int]] = []
        self._worker = self.costs.worker
        self.relays: list[Relay] = []
        self.env.process(self._serve())
        for number in range(self.processors or 0):
            share = self.others / (self.processors or 1)
            if share > 0:
                self.env.process(self._other(min(share, 0.95), number * SLICE))

    def run(self, replicas: int, seconds: float) -> float:
        """Mails a second, once it runs evenly."""
        if self.processors is not None:
            self._worker = self.costs.worker_among(replicas)
        for number in range(replicas):
            self.env.process(self._replica(number / replicas))
        self.env.run(until=WARM_UP * seconds)
        before, self.store_busy, self.put_back = self.sent, 0.0, 0
        self.env.run(until=seconds)
        return (self.sent - before) / self.counted(seconds)

    @staticmethod
    def counted(seconds: float) -> float:
        """Without the beginning."""
        return (1 - WARM_UP) * seconds

    def give(self, relays: list[Relay], mails_each: int) -> None:
        """Mail for so many relays; without it there is always mail, and no limit."""
        self.relays = relays
        self._due = [(0.0, number) for _ in range(mails_each) for number in range(len(relays))]

    def _work(self, seconds: float, priority: int = 1) -> Steps:
        if self._cores is None:
            yield self.env.timeout(seconds)
            return
        with self._cores.request(priority) as mine:
            yield mine
            yield self.env.timeout(seconds)

    def _other(self, share: float, begin: float) -> Steps:
        """They come first, and so get as much as they were seen to get."""
        yield self.env.timeout(begin)
        while True:
            yield from self._work(SLICE, priority=0)
            yield self.env.timeout(SLICE * (1 / share - 1))

    def _serve(self) -> Steps:
        while True:
            if not self._asked:
                yield self._bell
            asked, self._asked, self._bell = self._asked, [], self.env.event()
            begin = self.env.now
            yield from self._work(len(asked) * self.costs.store / self.costs.steps)
            yield self.env.timeout(self.costs.sync)
            self.store_busy += self.env.now - begin
            for one in asked:
                one.succeed()

    def _step(self) -> simpy.Event:
        answer = self.env.event()
        self._asked.append(answer)
        if not self._bell.triggered:
            self._bell.succeed()
        return answer

    def _replica(self, phase: float) -> Steps:
        yield self.env.timeout(phase * self._worker)  # they do not all begin at once
        while True:
            if not self.relays:
                yield from self._send()
                continue
            batch = self._claim()
            yield self._step()
            if not batch:
                yield self.env.timeout(SWEEP - (self.env.now - phase * SWEEP) % SWEEP)
            refused = 0
            for relay in batch:
                refused += yield from self._deliver(relay)
            self.put_back += refused
            if refused:
                yield self._step()  # those of one batch together

    def _claim(self) -> list[int]:
        batch: list[int] = []
        while self._due and self._due[0][0] <= self.env.now and len(batch) < BATCH:
            batch.append(heapq.heappop(self._due)[1])
        return batch

    def _deliver(self, number: int) -> Generator[simpy.Event, Any, int]:
        """How many mails were put back: 1 or 0."""
        relay = self.relays[number]
        wait = NO_PLACE if relay.open >= relay.connections else relay.wait(self.env.now)
        if wait:
            heapq.heappush(self._due, (self.env.now + wait, number))
            return 1
        relay.open += 1
        relay.most = max(relay.most, relay.open)
        yield from self._send()
        relay.open -= 1
        return 0

    def _send(self) -> Steps:
        for _ in range(self.costs.steps):
            yield from self._work(self._worker / self.costs.steps)
            yield self._step()
        yield from self._take()
        self.sent += 1

    def _take(self) -> Steps:
        if self._cores is None:  # relays are many
            yield self.env.timeout(self.costs.sink)
            return
        with self._sink.request() as mine:
            yield mine
            yield from self._work(self.costs.sink)
