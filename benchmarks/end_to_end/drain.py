"""One run: all is enqueued, then a worker starts, and from a twentieth of it on until the end it is measured."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory

from benchmarks.end_to_end.cases import Case
from benchmarks.end_to_end.plant import Plant, Trouble, plant
from benchmarks.end_to_end.received import Mismatch, check
from benchmarks.processes import all_used, family, resident, until
from benchmarks.smtp.sink import Sink
from notifier.testing.supervised import SupervisedProcess

WARM = 0.05  # of the mails: by then each child has sent some
PATIENCE = 1800.0  # seconds
LOOK_EVERY = 0.05  # seconds; asking costs the sink a connection, and rates are by its own clock


@dataclass(frozen=True, slots=True)
class Run:
    """``rate``: mails a second. Processor times are seconds a mail: of the worker with its children, of whoever enqueued, of
    Valkey meanwhile. ``resident``: octets of the largest process of the worker, at the beginning and at the end.
    """

    rate: float
    worker: float
    enqueuing: float
    store: float
    resident: tuple[int, int]


@dataclass(slots=True)
class Measured:
    """All rounds of a case; with ``trouble`` there are no figures."""

    case: Case
    runs: list[Run] = field(default_factory=list)
    trouble: str | None = None

    def all(self, name: str) -> list[float]:
        """A figure, round by round."""
        return [getattr(run, name) for run in self.runs]


def drain(case: Case, sink: Sink, before: int = 0, **settings: str) -> Run:
    """``before``: mails at least before it is measured. Raises `Trouble`, also where a mail is missing or has other octets than it should."""
    with TemporaryDirectory() as folder, plant(sink, case, Path(folder), **settings) as made:
        return drain_in(made, case, sink, before)


def drain_in(made: Plant, case: Case, sink: Sink, before: int = 0) -> Run:
    """The same where there is a plant already."""
    enqueued = made.enqueue(case.peer, case.function, 1, case.count)
    sink.keep()
    with made.worker(case.peer.app, case.slots) as worker:
        watch = Watch(made, case, sink, worker)
        first = watch.sample()
        begin = watch.at(max(1, before, int(WARM * case.count)))
        if begin.done >= case.count:  # a machine that stood still, in a smoke test: the start is measured as well
            begin = first
        end = watch.at(case.count)
        if case.peer.ours:
            watch.wait(lambda: made.sent() == case.count, "the ledger calls all of them sent")
            end = watch.sample()
    count = case.count - begin.done
    seconds = _seconds(sink, case, begin) if case.peer.mails else end.moment - begin.moment
    return Run(
        count / seconds,
        (end.worker - begin.worker) / count,
        enqueued["processor_seconds"] / case.count,
        (end.store - begin.store) / count,
        (begin.resident, end.resident),
    )


def _seconds(sink: Sink, case: Case, begin: Sample) -> float:
    accepted = list(looked_at(sink, range(1, case.count + 1)).values())
    return accepted[-1] - (accepted[begin.done - 1] if begin.done else begin.moment)


def looked_at(sink: Sink, numbers: range) -> dict[int, float]:
    """When each mail was accepted. Raises `Trouble` where one is missing or other than it should be."""
    try:
        return check(sink.kept(), numbers)
    except Mismatch as wrong:
        raise Trouble(f"mismatch: {wrong}") from None


@dataclass(frozen=True, slots=True)
class Sample:
    """Of a worker. ``done``: mails or tasks; ``resident``: octets of its largest process."""

    moment: float
    done: int
    worker: float
    store: float
    resident: int


class Watch:
    """Looks at a worker. A case without mails is known by how many tasks the broker still has."""

    def __init__(self, made: Plant, case: Case, sink: Sink, worker: SupervisedProcess) -> None:
        self._made, self._case, self._sink, self._worker = made, case, sink, worker

    def at(self, done: int) -> Sample:
        """When so many are done."""
        self.wait(lambda: self._done() >= done, f"{done} of {self._case.count} are done")
        return self.sample()

    def wait(self, true: Callable[[], bool], what: str) -> None:
        """Raises `Trouble`, where the worker has ended as well."""
        try:
            until(lambda: true() or not self._worker.running, what, PATIENCE, LOOK_EVERY)
        except RuntimeError as error:
            raise Trouble(f"{error}; {self._last_words()}") from None
        if not self._worker.running:
            raise Trouble(f"the worker has ended; {self._last_words()}")

    def sample(self) -> Sample:
        """Now."""
        pid, done, moment = self._worker.pid, self._done(), time.monotonic()
        largest = max(map(resident, family(pid)))
        return Sample(moment, done, all_used([pid]), self._made.valkey_used(), largest)

    def _done(self) -> int:
        if self._case.peer.mails:
            return self._sink.received().mails
        return self._case.count - int(self._made.server.llen("celery"))

    def _last_words(self) -> str:
        lines = self._made.log.read_text(errors="replace").strip().splitlines()
        return lines[-1] if lines else "it said nothing"
