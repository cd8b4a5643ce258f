"""`RedisReports`: which periods of a report are open, who has one, and what became of the others."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from notifier.store.connection import Call, LedgerConnection
from notifier.store.keys import Keys
from notifier.store.records import ms
from notifier.store.round_trips import Argument

MOST_CRASHES = 3
_ONLY_ASKS = ("look", "due", "stands")


@dataclass(frozen=True, slots=True)
class Looked:
    """``now`` by the store's clock, and ``until`` where periods were looked at (None: never); seconds since the epoch.
    ``schedule``: of the last look, '' where nobody has said.
    """

    now: float
    until: float | None
    schedule: str = ""


@dataclass(frozen=True, slots=True)
class Taken:
    """A period that one worker has until its lease ends. ``made``: the blob that holds what it says, '' before that.
    ``reached``: digests of the recipients that have their mails. ``failures``: runs that could not make it.
    """

    report: str
    period: str
    owner: str
    failures: int
    made: str
    reached: frozenset[str]


@dataclass(frozen=True, slots=True)
class OpenPeriod:
    """``due_at``: when somebody may take it, seconds since the epoch; ``why`` the last run failed."""

    period: str
    due_at: float
    why: str
    failures: int


@dataclass(frozen=True, slots=True)
class PastPeriod:
    """``state`` is sent, nothing (there was nothing to tell), failed or missed; ``at`` seconds since the epoch."""

    period: str
    state: str
    at: float
    why: str


class RedisReports:
    """Periods are named by their keys (`notifier.reports.periods`). Durations are seconds.

    Every method may raise `StoreUnavailable`. What it did is on disk when it returns, where the server can say so.
    """

    def __init__(self, connection: LedgerConnection, keys: Keys) -> None:
        self._connection = connection
        self._keys = keys

    def look(self, report: str) -> Looked:
        """How far somebody has looked."""
        now, until, schedule = self._run(report, "look")
        return Looked(now / 1000, int(until) / 1000 if until else None, schedule.decode())

    def open(
        self,
        report: str,
        looked: Looked,
        until: float,
        due: Sequence[str],
        missed: Sequence[str],
        *,
        schedule: str = "",
    ) -> bool:
        """These periods are due, and looked at up to ``until``. False where another has looked meanwhile."""
        was = "" if looked.until is None else ms(looked.until)
        return bool(self._run(report, "open", was, ms(until), schedule, len(due), *due, *missed))

    def due(self, report: str) -> list[str]:
        """The open periods that nobody has."""
        return [period.decode() for period in self._run(report, "due")]

    def take(self, report: str, period: str, owner: str, lease: float) -> Taken | None:
        """Own a period; None where another has it, or it is over. One that has ended its workers is failed now."""
        verdict, *rest = self._run(report, "take", period, owner, ms(lease), MOST_CRASHES) or [b""]
        if verdict != b"taken":
            return None
        failures, made, *reached = rest
        return Taken(report, period, owner, failures, made.decode(), frozenset(one.decode() for one in reached))

    def renew(self, taken: Taken, lease: float) -> bool:
        """Its worker is still at work. False where the period is another's now."""
        return self._step("renew", taken, ms(lease))

    def keep(self, taken: Taken, made: str) -> bool:
        """What it says lies in that blob. False where the period is another's now."""
        return self._step("keep", taken, made)

    def reach(self, taken: Taken, recipients: Sequence[str]) -> bool:
        """Recipients (digests) have their mails. False where the period is another's now."""
        return self._step("reach", taken, *recipients)

    def wait(self, taken: Taken, seconds: float, why: str, *, counted: bool = True) -> bool:
        """It could not be made, and may be tried again after a while. ``counted``: as a failure of its own."""
        return self._step("wait", taken, ms(seconds), why, int(counted))

    def close(self, taken: Taken, state: str, why: str = "") -> bool:
        """It is over."""
        return self._step("close", taken, state, why)

    def again(self, report: str, period: str) -> bool:
        """A person wants a period now, for those who have not had it. False where a worker has it."""
        return bool(self._run(report, "again", period))

    def stands(self, report: str) -> tuple[list[OpenPeriod], list[PastPeriod]]:
        """What is open, and what became of the others, newest first."""
        opened, past = self._run(report, "stands")
        return (
            [OpenPeriod(name.decode(), due / 1000, why.decode(), failures) for name, due, why, failures in opened],
            [PastPeriod(**json.loads(one)) for one in past],
        )

    def _step(self, verb: str, taken: Taken, *arguments: Argument) -> bool:
        return bool(self._run(taken.report, verb, taken.period, taken.owner, *arguments))

    def _run(self, report: str, verb: str, *arguments: Argument) -> Any:
        call = Call("report", self._keys.report(report), (verb, *arguments))
        return self._connection.run([call], durably=verb not in _ONLY_ASKS)[0]
