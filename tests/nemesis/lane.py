"""Every failpoint with every signal: one plant serves many rounds, and several plants run side by side."""

from __future__ import annotations

import json
import logging
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from workers import TOP, Plant, plant

from nemesis.checker import ON_ITS_WAY, copies_in, judge
from nemesis.crew import Crew
from nemesis.failpoints import FOLDER, IN_MAIN, OUTSIDE, Blow, Failpoint, Order, Orders, Seam, Struck
from nemesis.patience import GaveUp, tell, until
from nemesis.relay import AnswersByName
from nemesis.report import Row
from nemesis.stage import HALTED, LATE, LEFT, SERVED, Missed, Stage
from nemesis.stories import STORIES, Story
from notifier import send_email
from notifier.errors import NotifierError
from notifier.model.ids import new_mail_id
from notifier.model.state import MailState
from notifier.store.base import MailStatus
from notifier.tasks.runtime import runtime

MAILS = 3  # in a round
CALLS = 5  # of an application or a person, each with its own fork
REACHED_WITHIN = 30.0  # seconds
FROZEN = 4.5  # seconds: past the lease, and past the takeover of a mail at the dot
TAKEN_OVER_WITHIN = 9.0  # seconds that a frozen process sleeps at most
QUEUES = (SERVED, LEFT, "mail.urgent", "mail.bulk", HALTED)
QUICK = ("--without-mingle", "--without-gossip", "--without-heartbeat")  # nobody listens to them here
ALL_QUEUES = (*QUEUES, LATE)


@dataclass(frozen=True)
class Round:
    """One signal at one failpoint."""

    story: Story
    failpoint: Failpoint
    blow: Blow

    def __str__(self) -> str:
        return f"{self.blow} {self.failpoint}"


def every_round() -> list[Round]:
    """Every failpoint times every signal. Those that give the ledger a new mark come last."""
    rounds = [Round(story, point, blow) for story in STORIES for point in story.failpoints for blow in point.blows]
    return sorted(rounds, key=lambda one: one.failpoint.seam is Seam.PARK)


@dataclass
class Lane:
    """A plant, its workers, and what was asked of them."""

    plant: Plant
    orders: Orders
    crew: Crew
    journal: Path
    outsider: subprocess.Popen[str]
    name: str
    stage: Stage = field(default_factory=Stage)
    ends: dict[str, frozenset[MailState]] = field(default_factory=dict)
    hits: Counter[str] = field(default_factory=Counter)
    faults: list[str] = field(default_factory=list)
    blows: int = 0

    def run(self, rounds: Sequence[Round], ends_at: float) -> Row:
        """All of them one after the other, and the account."""
        for number, one in enumerate(rounds, 1):
            if time.monotonic() > ends_at:
                self.faults.append(f"no time was left for {len(rounds) - number + 1} rounds")
                break
            began = time.monotonic()
            self._try(one)
            tell(f"{self.name}: {number} of {len(rounds)}: {one}: {time.monotonic() - began:.1f} s")
        self.drain()
        return self.row()

    def _try(self, one: Round) -> None:
        try:
            self._outside(one) if one.failpoint.seam in OUTSIDE else self._round(one)
        except GaveUp as error:
            self.faults.append(f"{one}: {error}")

    # in a worker ----------------------------------------------------------------------------------------------------

    def _round(self, one: Round) -> None:
        self.crew.ready()
        if one.failpoint.seam is Seam.PARK:
            self._rest()
        order = self._ordered(one)
        try:
            until(lambda: self.orders.struck(order) is not None, "the failpoint is reached", within=REACHED_WITHIN)
        finally:
            self.orders.withdraw(order)
        struck = self.orders.struck(order)
        assert struck is not None
        self._count(one.blow, struck)
        if one.blow is Blow.FREEZE:
            self._thaw(struck.pid, order.mails)
        elif one.blow.at_main or one.failpoint.seam in IN_MAIN:
            self.crew.hit(struck.main)

    def _ordered(self, one: Round) -> Order:
        """The mails are there, and the order before them."""
        while True:
            ids = tuple(new_mail_id() for _ in range(MAILS))
            order = Order(ids[0], one.failpoint, one.blow, ids)
            self.ends.update(dict.fromkeys(ids, one.story.ends))
            self.orders.give(order)
            try:
                one.story.arrange(self.stage, ids)
            except Missed:
                self.orders.withdraw(order)
                self.ends.update(dict.fromkeys(ids, one.story.ends | {MailState.SENT}))
                self._rest()
            else:
                return order

    def _count(self, blow: Blow, struck: Struck) -> None:
        self.blows += 1
        if blow in (Blow.KILL, Blow.KILL_MAIN):
            self.hits.update(struck.states.values())

    def _thaw(self, pid: int, mails: Collection[str]) -> None:
        """When another has taken over, and past the lease in any case."""
        began = time.monotonic()
        with suppress(GaveUp):
            until(lambda: self._resting(mails), "taken over", within=TAKEN_OVER_WITHIN, look_every=0.1)
        time.sleep(max(0.0, FROZEN - (time.monotonic() - began)))
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGCONT)

    # outside of the workers -----------------------------------------------------------------------------------------

    def _outside(self, one: Round) -> None:
        ids = [new_mail_id() for _ in range(CALLS)]
        one.story.arrange(self.stage, ids)
        self.ends.update(dict.fromkeys(ids, one.story.ends))
        for mail in ids:
            self._call(one, mail)

    def _call(self, one: Round, mail: str) -> None:
        program = self.outsider
        assert one.story.step is not None
        assert program.stdin is not None
        assert program.stdout is not None
        order = Order(mail, one.failpoint, one.blow, (mail,))
        self.orders.give(order)
        program.stdin.write(json.dumps(one.story.step(mail)) + "\n")
        program.stdin.flush()
        until(lambda: self.orders.struck(order) is not None, "the failpoint is reached", within=REACHED_WITHIN)
        struck = self.orders.struck(order)
        assert struck is not None
        self._count(one.blow, struck)
        if one.blow is Blow.FREEZE:
            self._once_more(one, mail)
            os.kill(struck.pid, signal.SIGCONT)
        ended = json.loads(program.stdout.readline())
        if ended["signal"] not in (0, one.blow.number):
            self.faults.append(f"{one}: ended by signal {ended['signal']}")
        if one.blow is not Blow.FREEZE:
            self._once_more(one, mail)

    def _once_more(self, one: Round, mail: str) -> None:
        """Whoever was interrupted says it again: the same call, or the same word on the same mail."""
        step = one.story.step(mail) if one.story.step is not None else {}
        store = runtime().store
        with suppress(NotifierError):  # it has moved on: the first word was heard
            match one.failpoint.seam:
                case Seam.ADD:
                    call = send_email.apply_async(kwargs=step["call"], task_id=mail, queue=step["queue"])
                    self.stage.requested.append(call.id)
                case Seam.CANCEL:
                    store.cancel(mail)
                case Seam.RESCHEDULE:
                    store.reschedule(mail, step["send_at"])
                case _:
                    store.resolve(mail, step["state"], "the nemesis decided")

    # the end --------------------------------------------------------------------------------------------------------

    def _resting(self, mails: Iterable[str]) -> bool:
        found = map(runtime().store.status, mails)
        return all(status is None or status.state not in ON_ITS_WAY for status in found)

    def _rest(self) -> None:
        """Wait until everything on its way in the served queues has come to rest."""
        moving = (MailState.WAITING, MailState.CLAIMED, MailState.AT_DOT)

        def rests() -> bool:
            self.crew.ready()
            counts = [runtime().store.counts(queue) for queue in QUEUES]
            return not any(count[state] for count in counts for state in moving)

        until(rests, "every mail of the served queues rests", look_every=0.2)

    def drain(self) -> None:
        """A last worker, without failpoints, serves what is left in every queue."""
        self.plant.launch_worker(*QUICK, "-Q", ",".join(ALL_QUEUES))
        with suppress(GaveUp):  # the checker names those that do not
            until(lambda: self._resting(self.stage.requested), "every mail rests", look_every=0.5)
        with suppress(GaveUp):
            self.crew.see_all_off()

    def row(self) -> Row:
        """What became of all."""
        ledger = ledger_of(self.stage.requested)
        copies = copies_in(self.journal)
        account = judge(self.stage.requested, ledger, copies, self.ends)
        return Row("failpoints", self.blows, account, self.hits, faults=(*self.faults, *self.crew.faults))


def ledger_of(mails: Iterable[str]) -> dict[str, MailStatus]:
    """What the ledger says of each."""
    found = ((mail, runtime().store.status(mail)) for mail in mails)
    return {mail: status for mail, status in found if status is not None}


@contextmanager
def lane(name: str, **environ: str) -> Iterator[Lane]:
    """A plant with failpoints, on the shipped durability."""
    logging.getLogger("notifier.store.journal").setLevel(logging.ERROR)  # it is we who leave the evidence
    with tempfile.TemporaryDirectory(prefix="nemesis-") as place:
        folder = Path(place)
        journal = folder / "accepted.jsonl"
        with plant(folder, AnswersByName(chunking=False), journal, **environ) as made:
            orders = Orders(folder / "orders")
            made.environ |= {"PYTHONPATH": f"{TOP / 'tests'}:{TOP}", FOLDER: str(orders.folder)}
            crew = Crew(made, "programs.failing", (*QUICK, "-Q", ",".join(QUEUES)))
            with outsider(made) as program:
                yield Lane(made, orders, crew, journal, program, name)


@contextmanager
def outsider(made: Plant) -> Iterator[subprocess.Popen[str]]:
    """The program that forks for each call."""
    command = [sys.executable, "-m", "programs.outsider"]
    with subprocess.Popen(
        command, env=made.environ, cwd=TOP, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as program:
        yield program


def run_lane(number: int, lanes: int, ends_at: float) -> Row:
    """Each lane takes its turn of the rounds. For a process of its own."""
    rounds: Any = every_round()[number::lanes]
    with lane(f"failpoints {number + 1}/{lanes}") as made:
        return made.run(rounds, ends_at)
