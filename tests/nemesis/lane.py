"""Every failpoint with every signal: one plant serves many rounds, and several plants run side by side."""

from __future__ import annotations

import json
import logging
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from workers import HURRIED, TOP, Plant, plant

from nemesis.checker import ON_ITS_WAY, copies_in, judge
from nemesis.crew import Crew
from nemesis.failpoints import FOLDER, IN_MAIN, OUTSIDE, Blow, Failpoint, Moment, Order, Orders, Seam, Struck
from nemesis.patience import GaveUp, in_time, tell, until
from nemesis.relay import AnswersByName
from nemesis.report import Row
from nemesis.stage import HALTED, LEFT, SERVED, Missed, Stage
from nemesis.stories import STORIES, Story
from notifier import send_email
from notifier.errors import NotifierError
from notifier.model.ids import new_mail_id
from notifier.model.state import MailState
from notifier.store.base import MailStatus
from notifier.tasks.runtime import runtime

MAILS = 3  # in a round
WORKERS = 3  # one is hit, one takes over, and one comes up again
CALLS = 5  # of an application or a person, each with its own fork
PORTION = 500  # mails that the ledger is asked for at once
REACHED_WITHIN = 30.0  # seconds
FROZEN = 4.5  # seconds: past the lease, and past the takeover of a mail at the dot
TAKEN_OVER_WITHIN = 9.0  # seconds that a frozen process sleeps at most
QUEUES = (SERVED, LEFT, "mail.urgent", "mail.bulk", HALTED)


@dataclass(frozen=True)
class Round:
    """One signal at one failpoint."""

    story: Story
    failpoint: Failpoint
    blow: Blow

    def __str__(self) -> str:
        return f"{self.blow} {self.failpoint}"


def every_round() -> list[Round]:
    """Every failpoint times every signal, mixed. Those that give the ledger a new mark come last."""
    rounds = [Round(story, point, blow) for story in STORIES for point in story.failpoints for blow in point.blows]
    random.Random(1).shuffle(rounds)  # noqa: S311 - the same order again
    return sorted(rounds, key=lambda one: one.failpoint.seam is Seam.PARK)


@dataclass(frozen=True)
class Frozen:
    """A process that sleeps, and the mails that it had."""

    pid: int
    mails: tuple[str, ...]
    since: float


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
    rounds: dict[str, str] = field(default_factory=dict)  # of each mail, for who reads what went wrong
    hits: Counter[str] = field(default_factory=Counter)
    faults: list[str] = field(default_factory=list)
    blows: int = 0
    frozen: list[Frozen] = field(default_factory=list)

    def run(self, rounds: Sequence[Round], ends_at: float) -> Row:
        """All of them one after the other, and the account."""
        for number in in_time(len(rounds), ends_at, self.faults):
            one, began = rounds[number - 1], time.monotonic()
            self.stage.next_round()
            self._try(one)
            self._thaw()
            tell(f"{self.name}: {number} of {len(rounds)}: {one}: {time.monotonic() - began:.1f} s")
        self._thaw_all()
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
        if one.blow is Blow.FREEZE or one.failpoint.seam is Seam.PARK:
            self._thaw_all()
        if one.failpoint.seam is Seam.PARK:
            self._rest()
            self.crew.see_all_off()  # who looks at the ledger now is there to see it go back
        if one.failpoint.seam is Seam.CLAIM and one.failpoint.moment is Moment.BEFORE:
            self._rest()  # or a slot that is at work takes the mails with an answer before which it did not see them
        order = self._ordered(one)
        try:
            until(lambda: self.orders.struck(order) is not None, "the failpoint is reached", within=REACHED_WITHIN)
        finally:
            self.orders.withdraw(order)
        struck = self.orders.struck(order)
        assert struck is not None
        self._count(one.blow, struck)
        if one.blow is Blow.FREEZE:
            self.frozen.append(Frozen(struck.pid, order.mails, time.monotonic()))
        elif one.blow.at_main or one.failpoint.seam in IN_MAIN:
            self.crew.hit(struck.main)

    def _ordered(self, one: Round) -> Order:
        """The mails are there, and the order before them."""
        while True:
            ids = tuple(new_mail_id() for _ in range(MAILS))
            order = Order(ids[0], one.failpoint, one.blow, ids)
            self.ends.update(dict.fromkeys(ids, one.story.ends))
            self.rounds.update(dict.fromkeys(ids, str(one)))
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

    def _thaw(self) -> None:
        """Wake who has slept past the lease, when another has taken over; meanwhile the rounds go on."""
        for one in list(self.frozen):
            slept = time.monotonic() - one.since
            if slept > TAKEN_OVER_WITHIN or (slept > FROZEN and self._resting(one.mails)):
                self.frozen.remove(one)
                with suppress(ProcessLookupError):
                    os.kill(one.pid, signal.SIGCONT)

    def _thaw_all(self) -> None:
        def nobody_sleeps() -> bool:
            self._thaw()
            return not self.frozen

        until(nobody_sleeps, "nobody sleeps", look_every=0.1)

    # outside of the workers -----------------------------------------------------------------------------------------

    def _outside(self, one: Round) -> None:
        ids = [new_mail_id() for _ in range(CALLS)]
        one.story.arrange(self.stage, ids)
        self.ends.update(dict.fromkeys(ids, one.story.ends))
        self.rounds.update(dict.fromkeys(ids, str(one)))
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
                    self.stage.requested[call.id] = step["queue"]
                case Seam.CANCEL:
                    store.cancel(mail)
                case Seam.RESCHEDULE:
                    store.reschedule(mail, step["send_at"])
                case _:
                    store.resolve(mail, step["state"], "the nemesis decided")

    # the end --------------------------------------------------------------------------------------------------------

    def _resting(self, mails: Collection[str]) -> bool:
        known = {mail: self.stage.requested[mail] for mail in mails if mail in self.stage.requested}
        return not any(status.state in ON_ITS_WAY for status in ledger_of(known).values())

    def _told(self) -> bool:
        """True where the host's journal has nothing more for the ledger."""
        return not any((self.plant.folder / "journal").rglob("*.settlement"))

    def _rest(self) -> None:
        """Wait until everything on its way in the served queues has come to rest."""
        moving = (MailState.WAITING, MailState.CLAIMED, MailState.AT_DOT)

        def rests() -> bool:
            self.crew.ready()
            counts = [runtime().store.counts(queue) for queue in QUEUES]
            return not any(count[state] for count in counts for state in moving) and self._told()

        until(rests, "every mail of the served queues rests", look_every=0.2)

    def drain(self) -> None:
        """A last worker, without failpoints, serves what is left in every queue."""
        self.plant.launch_worker("-Q", ",".join({*QUEUES, *runtime().store.queues()}))
        with suppress(GaveUp):  # the checker names those that do not
            until(lambda: self._told() and self._resting(self.stage.requested), "every mail rests", look_every=0.5)
        with suppress(GaveUp):
            self.crew.see_all_off()

    def row(self) -> Row:
        """What became of all."""
        ledger = ledger_of(self.stage.requested)
        copies = copies_in(self.journal)
        account = judge(self.stage.requested, ledger, copies, self.ends)
        told = tuple(f"{why} ({self.rounds[why.split(': ')[1]]})" for why in account.why)
        account = replace(account, why=told)
        return Row("failpoints", self.blows, account, self.hits, faults=(*self.faults, *self.crew.faults))


def ledger_of(requested: Mapping[str, str]) -> dict[str, MailStatus]:
    """What the ledger says of each mail; ``requested`` has its queue."""
    places = [(queue, mail) for mail, queue in requested.items()]
    portions = [places[start : start + PORTION] for start in range(0, len(places), PORTION)]
    found = (status for portion in portions for status in runtime().store._statuses(portion))
    return {status.mail_id: status for status in found}


@contextmanager
def lane(name: str, **environ: str) -> Iterator[Lane]:
    """A plant with failpoints, on the shipped durability."""
    with tempfile.TemporaryDirectory(prefix="nemesis-") as place:
        folder = Path(place)
        journal = folder / "accepted.jsonl"
        with plant(folder, AnswersByName(chunking=False), journal, **(HURRIED | environ)) as made:
            orders = Orders(folder / "orders")
            made.environ |= {"PYTHONPATH": f"{TOP / 'tests'}:{TOP}", FOLDER: str(orders.folder)}
            crew = Crew(made, "programs.failing", ("-Q", ",".join(QUEUES)), size=WORKERS)
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
    logging.getLogger("notifier.store.journal").setLevel(logging.ERROR)  # it is we who leave the evidence
    rounds: Any = every_round()[number::lanes]
    with lane(f"failpoints {number + 1}/{lanes}") as made:
        return made.run(rounds, ends_at)
