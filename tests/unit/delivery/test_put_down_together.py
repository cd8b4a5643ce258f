"""Outcomes that are here together are put down in one step, and none is held while anything is waited for."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from types import SimpleNamespace
from typing import Any
from unittest import mock

import pytest
from couriers import nobody_behind
from test_attempt import ANN, accepted, an_attempt

from notifier.delivery.attempt import Attempt
from notifier.delivery.courier import Courier
from notifier.delivery.draining import Drained
from notifier.delivery.shield import NoShield
from notifier.errors import FenceRejected, StoreUnavailable
from notifier.model.outcome import Outcome
from notifier.retry import DEFAULT_TABLE
from notifier.store.base import Claim, Settlement, Turn
from notifier.store.evidence import Evidence

DOTS, WAIT = "dots", "wait"
Does = Sequence[int | str]  # a mail's outcome, by its position; or what a session calls before it goes on


class Ledger:
    """Writes down what it is told, in order."""

    def __init__(self, fails: Exception | None = None) -> None:
        self.told: list[tuple[str, ...]] = []
        self._fails = fails

    def settle(self, settlements: Sequence[Settlement]) -> None:
        self.told.append(tuple(one.claim.mail_id for one in settlements))
        if self._fails:
            raise self._fails

    def begin_dot(self, claims: Sequence[Claim]) -> None:
        self.told.append((DOTS,))

    def settle_and_begin_dot(self, settlements: Sequence[Settlement], claims: Sequence[Claim]) -> Turn:
        too_late: Sequence[str] = ()
        try:
            self.settle(settlements)
        except FenceRejected as error:
            too_late = error.mail_ids
        self.told[-1] += (DOTS,)
        return Turn(too_late, ())


def attempts(count: int) -> list[Attempt]:
    made = [an_attempt(ANN) for _ in range(count)]
    for number, one in enumerate(made):
        one.claim = replace(one.claim, email=replace(one.claim.email, id=f"{number}"))
    return made


def session(does: Does) -> Any:
    """One that does this in its order."""

    def send_many(
        mails: Sequence[object], before_dot: Callable[[Sequence[int]], float], before_wait: Callable[[], None]
    ) -> Iterator[Outcome]:
        for step in does:
            if step == WAIT:
                before_wait()
            elif step == DOTS:
                before_dot(range(len(mails)))
            elif isinstance(step, int):
                yield accepted(ANN)._replace(position=step)
            else:
                raise OSError(step)

    return SimpleNamespace(send_many=send_many, transactions=1, usable=True, rate=None, begun=())


def transact(ledger: Ledger, does: Does, keep: Callable[[Evidence], bool] = lambda _: False, **more: Any) -> None:
    ready = attempts(3)
    courier = Courier(
        store=ledger,  # type: ignore[arg-type]
        router=mock.sentinel.unused,
        composer=mock.sentinel.unused,
        limiter=mock.Mock(),
        pauses=mock.sentinel.unused,
        table=lambda _: DEFAULT_TABLE,
        keep=keep,
        **more,
    )
    courier._transact(session(does), ready, {one.claim.mail_id: one for one in ready}, nobody_behind)


@pytest.mark.parametrize(
    ("does", "told"),
    [
        ([DOTS, 0, 1, 2], [(DOTS,), ("0", "1", "2")]),
        ([DOTS, 0, WAIT, 1, 2], [(DOTS,), ("0",), ("1", "2")]),
        ([DOTS, 0, 1, DOTS, 2], [(DOTS,), ("0", "1", DOTS), ("2",)]),
        ([DOTS, 0, WAIT, DOTS, 1, DOTS, 2], [(DOTS,), ("0",), (DOTS,), ("1", DOTS), ("2",)]),
        ([WAIT, DOTS, WAIT, 0, WAIT, WAIT], [(DOTS,), ("0",)]),
    ],
)
def test_what_is_here_is_put_down_before_a_wait_with_a_dot_and_at_the_end(
    does: Does, told: list[tuple[str, ...]]
) -> None:
    ledger = Ledger()
    transact(ledger, does)
    assert ledger.told == told


def test_whatever_ends_the_dialogue_the_outcomes_so_far_are_put_down() -> None:
    ledger = Ledger()
    with pytest.raises(OSError, match="a time limit"):
        transact(ledger, [DOTS, 0, 1, "a time limit"])
    assert ledger.told == [(DOTS,), ("0", "1")]


def test_each_that_the_ledger_could_not_be_told_is_kept_in_the_journal() -> None:
    kept: list[str] = []

    def keep(evidence: Evidence) -> bool:
        kept.append(evidence.mail_id)
        return True

    transact(Ledger(StoreUnavailable("away")), [DOTS, 0, 1, WAIT, 2], keep)
    assert kept == ["0", "1", "2"]


def test_where_one_of_them_could_not_be_kept_nothing_goes_on() -> None:
    kept: list[str] = []

    def keep(evidence: Evidence) -> bool:
        kept.append(evidence.mail_id)
        return len(kept) != 1

    ledger = Ledger(StoreUnavailable("away"))
    with pytest.raises(StoreUnavailable):
        transact(ledger, [DOTS, 0, 1, WAIT, 2], keep)
    assert kept == ["0", "1"], "the second one is kept all the same"
    assert ledger.told == [(DOTS,), ("0", "1")]


def test_a_settlement_that_came_too_late_holds_up_no_other() -> None:
    ledger = Ledger(FenceRejected(["0"]))
    transact(ledger, [DOTS, 0, 1, WAIT, 2])
    assert ledger.told == [(DOTS,), ("0", "1"), ("2",)]


def test_where_the_store_is_away_for_both_the_dot_is_tried_by_itself_once_the_journal_has_the_outcome() -> None:
    kept: list[str] = []

    def keep(evidence: Evidence) -> bool:
        kept.append(evidence.mail_id)
        return True

    ledger = Ledger(StoreUnavailable("away"))
    transact(ledger, [DOTS, 0, DOTS, 1], keep)
    assert kept == ["0", "1"]
    assert ledger.told == [(DOTS,), ("0",), (DOTS,), ("1",)]


def test_a_settlement_that_came_too_late_leaves_the_next_dot_alone() -> None:
    ledger = Ledger(FenceRejected(["0"]))
    transact(ledger, [DOTS, 0, WAIT])
    transact(ledger, [0, DOTS])
    assert ledger.told == [(DOTS,), ("0",), ("0", DOTS)]


class Struck(NoShield):
    """A time limit has struck."""

    struck = True

    def down(self) -> None:
        raise TimeoutError("a time limit")


def test_a_time_limit_that_waits_is_raised_between_two_mails_and_no_dot_is_recorded() -> None:
    ledger = Ledger()
    with pytest.raises(TimeoutError, match="a time limit"):
        transact(ledger, [0, DOTS, 1], shield=Struck())
    assert ledger.told == [("0",)]


def test_a_worker_that_is_told_to_end_ends_between_two_mails() -> None:
    ledger = Ledger()
    with pytest.raises(Drained):
        transact(ledger, [0, DOTS, 1], draining=lambda: True)
    assert ledger.told == [("0",)]
