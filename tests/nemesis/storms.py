"""Storms: whole workers and the store are killed or frozen while an application enqueues. Each returns its row."""

from __future__ import annotations

import math
import os
import random
import signal
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

import redis
from workers import HURRIED, TOP, Plant, plant

from nemesis.application import Application, application
from nemesis.checker import copies_in, judge
from nemesis.lane import ledger_of
from nemesis.patience import GaveUp, in_time, none_left, tell, until
from nemesis.relay import AnswersByName
from nemesis.report import Row
from notifier.model.state import MailState
from notifier.tasks.runtime import runtime
from notifier.testing.supervised import SupervisedProcess

RATE = 200.0  # mails a second
QUEUE = "mail"
IN_HAND = (MailState.CLAIMED, MailState.AT_DOT)
MOVING = (MailState.WAITING, *IN_HAND)
IN_THE_WINDOW = 5  # mails whose bell dies with the frozen main process
HELD_WITHIN = 10.0  # seconds until a worker is caught with mails in its hands
AWAY_FOR = 0.3  # seconds between the end of the store and its next start


@dataclass(frozen=True)
class InHand:
    """A claim as the ledger has it: ``pid`` is the worker's child."""

    fence: bytes
    pid: int
    state: str


@dataclass
class Storm:
    """A plant under load."""

    plant: Plant
    application: Application
    journal: Path
    name: str
    blows: int = 0
    hits: Counter[str] = field(default_factory=Counter)
    counted: set[tuple[str, bytes]] = field(default_factory=set)
    faults: list[str] = field(default_factory=list)

    def worker(self) -> SupervisedProcess:
        """One that is up."""
        return self.plant.start_worker(slots=2)

    def worker_that_waits_long(self) -> SupervisedProcess:
        """One that may be frozen in its BRPOP: it does not end before somebody has rung."""
        usual = self.plant.environ
        self.plant.environ = {**usual, "PYTHONPATH": f"{TOP}:{TOP / 'tests'}"}
        try:
            return self.plant.start_worker(slots=2, app="programs.waits_long")
        finally:
            self.plant.environ = usual

    def moving(self) -> int:
        """Mails that have not come to rest."""
        counts = runtime().store.counts(QUEUE)
        return sum(counts[state] for state in MOVING)

    def hit(self) -> Counter[str]:
        """The states of what was claimed when the worker was killed, without what the kills before have left."""
        found = {(mail, one.fence): one.state for mail, one in claims().items()}
        new = Counter(state for claim, state in found.items() if claim not in self.counted)
        self.counted |= found.keys()
        return new

    def idle(self) -> None:
        """Nothing comes, and everything rests."""
        self.application.rate(0)
        none_left(self.moving, "every mail rests")

    def row(self) -> Row:
        """After the last mail."""
        self.application.rate(0)
        self.worker()
        with suppress(GaveUp):  # the checker names those that do not rest
            none_left(self.moving, "every mail rests")
        requested = self.application.requested
        account = judge(requested, ledger_of(dict.fromkeys(requested, QUEUE)), copies_in(self.journal))
        return Row(self.name, self.blows, account, self.hits, faults=tuple(self.faults))


@contextmanager
def storm(name: str) -> Iterator[Storm]:
    """On the shipped durability."""
    with tempfile.TemporaryDirectory(prefix="nemesis-") as place:
        folder = Path(place)
        journal = folder / "accepted.jsonl"
        with plant(folder, AnswersByName(), journal, **HURRIED) as made:
            environ = {**made.environ, "PYTHONPATH": f"{TOP / 'tests'}:{TOP}"}
            with application("notifier", folder, environ) as calling:
                yield Storm(made, calling, journal, name)


def killed_workers(rounds: int, windows: int, rate: float = RATE, seed: int = 1, ends_at: float = math.inf) -> Row:
    """kill -9 of main process and children; in so many of the rounds with a bell in the BRPOP window."""
    chance = random.Random(seed)  # noqa: S311 - the same rounds again
    with storm(f"kill -9 of the whole worker at {rate:.0f} mails/s") as made:
        made.application.rate(rate)
        for number in in_time(rounds, ends_at, made.faults):
            worker = made.worker_that_waits_long() if number <= windows else made.worker()
            time.sleep(chance.uniform(0.5, 2.0))
            if number <= windows:
                _freeze_with_a_bell(made, worker)
            worker.kill()
            made.blows += 1
            found = made.hit()
            made.hits += found or Counter({MailState.WAITING.value: min(made.moving(), IN_THE_WINDOW)})
            made.application.rate(rate)
            tell(f"{made.name}: {number} of {rounds}, it had {dict(found) or 'nothing'} in hand")
        return made.row()


def _freeze_with_a_bell(made: Storm, worker: SupervisedProcess) -> None:
    """The broker has given the bell to a main process that will never answer it (delivery.md, section 0)."""
    made.idle()
    until(made.plant.blocked_in_brpop, "the main process waits in BRPOP")
    worker.signal(signal.SIGSTOP)
    made.application.burst(IN_THE_WINDOW)
    with redis.Redis.from_url(made.plant.valkey.url) as client:
        until(lambda: not client.llen(QUEUE), "the frozen main process was handed the bell")


def killed_store(rounds: int, rate: float = RATE / 2, seed: int = 2, ends_at: float = math.inf) -> Row:
    """kill -9 of Valkey, which comes again with the same data."""
    chance = random.Random(seed)  # noqa: S311 - the same rounds again
    with storm("kill -9 of Valkey, same data again") as made:
        made.application.rate(rate)
        made.worker()
        for number in in_time(rounds, ends_at, made.faults):
            _grows(made, "mail flows")
            time.sleep(chance.uniform(0.2, 1.0))
            made.plant.valkey.kill()
            time.sleep(AWAY_FOR)
            made.plant.valkey.start()
            made.blows += 1
            tell(f"{made.name}: {number} of {rounds}, {made.application.refused} calls refused")
            _flows_again(made)
        return made.row()


def _flows_again(made: Storm) -> None:
    """A worker that does nothing any more is a fault; the mails are counted all the same, with another worker."""
    try:
        _grows(made, "mail flows again after the store has come back")
    except GaveUp as error:
        made.faults.append(f"round {made.blows}: {error}")
        made.worker()


def _grows(made: Storm, what: str, by: int = 50) -> None:
    before = len(made.plant.server.mailbox)
    until(lambda: len(made.plant.server.mailbox) >= before + by, what)


def frozen_workers(rounds: int, rate: float = RATE / 4, ends_at: float = math.inf) -> Row:
    """SIGSTOP of all of a worker, with mails in its hands, until another has them; then SIGCONT."""
    with storm("SIGSTOP of the whole worker past the lease, SIGCONT") as made:
        pair = [made.worker(), made.worker()]
        made.application.rate(rate)
        for number in in_time(rounds, ends_at, made.faults):
            frozen = pair[number % 2]
            held = _caught(made, frozen)
            took = _seconds(lambda held=held: until(lambda: not _still(held), "another has taken over"))
            frozen.signal_group(signal.SIGCONT)
            made.blows += 1
            tell(f"{made.name}: {number} of {rounds}, {len(held)} mails taken over within {took:.1f} s")
        return made.row()


def _caught(made: Storm, worker: SupervisedProcess) -> dict[str, InHand]:
    """Freeze the worker when it has claimed something; the mails and their claims."""
    ends = time.monotonic() + HELD_WITHIN
    while time.monotonic() < ends:
        worker.signal_group(signal.SIGSTOP)
        if held := {mail: one for mail, one in claims().items() if _of_group(one.pid, worker.pid)}:
            return held
        worker.signal_group(signal.SIGCONT)
        time.sleep(0.02)
    worker.signal_group(signal.SIGSTOP)
    made.faults.append("a worker was frozen with nothing in its hands")
    return {}


def claims() -> dict[str, InHand]:
    """What is claimed or at the dot now, by mail."""
    store = runtime().store
    mails = [mail.mail_id for state in IN_HAND for mail in store.list_mails(QUEUE, state, 1000)]
    if not mails:
        return {}
    found = store._connection.ask(
        *(("HMGET", store._keys.mail(QUEUE, mail), "fence", "owner", "state") for mail in mails)
    )
    return {
        mail: InHand(fence, int(owner.split(b":")[1]), state.decode())
        for mail, (fence, owner, state) in zip(mails, found, strict=True)
        if owner and state.decode() in IN_HAND
    }


def _of_group(pid: int, group: int) -> bool:
    try:
        return os.getpgid(pid) == group
    except ProcessLookupError:
        return False


def _still(held: dict[str, InHand]) -> bool:
    """True while the frozen worker's claims stand."""
    now = claims()
    return any(mail in now and now[mail].fence == one.fence for mail, one in held.items())


def _seconds(act: Callable[[], None]) -> float:
    began = time.monotonic()
    act()
    return time.monotonic() - began
