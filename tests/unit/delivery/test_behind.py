"""Mails of one batch go relay by relay: in which order, and what becomes of those behind one that lets us wait."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from types import SimpleNamespace
from unittest import mock

import pytest
from couriers import courier_with
from test_attempt import ANN, REFUSED, accepted, an_attempt

from notifier.delivery.attempt import Attempt
from notifier.delivery.behind import Behind
from notifier.delivery.courier import Timing
from notifier.errors import RelayUnavailable, StoreUnavailable, fault_error
from notifier.model.outcome import Outcome
from notifier.model.prospect import Prospect
from notifier.retry import Retry
from notifier.store.base import Settlement


@dataclass(eq=False)
class Way:
    """Gives no session, and none before ``let_go``; one that ``greets`` gives one, and its replies come then."""

    name: str
    prospect: Prospect = Prospect.UNKNOWN
    let_go: threading.Event | None = None
    greets: bool = False
    asked: list[str] = field(default_factory=list)

    @contextmanager
    def session(self, deadline: float) -> Iterator[object]:
        self.asked.append(self.name)
        if not self.greets:
            self.wait()
            raise RelayUnavailable(f"{self.name} does not answer")
        yield SimpleNamespace(send_many=self.send_many, room=9, transactions=0, usable=True, rate=None, begun=())

    def send_many(self, mails: Sequence[object], *before: object) -> Iterator[Outcome]:
        self.wait()
        for position in range(len(mails)):
            yield accepted(ANN)._replace(position=position)

    def wait(self) -> None:
        if self.let_go is not None:
            assert self.let_go.wait(10)


def through(way: Way, mail_id: str) -> Attempt:
    made = an_attempt(ANN)
    made.claim = replace(made.claim, email=replace(made.claim.email, id=mail_id))
    made.legs[0] = replace(made.legs[0], sessions=way)  # type: ignore[arg-type]
    return made


class Ledger:
    """Which mails it was told of, call by call; each sets ``settled``."""

    def __init__(self, settled: threading.Event | None = None) -> None:
        self.told: list[tuple[str, ...]] = []
        self._settled = settled

    def settle(self, settlements: Sequence[Settlement]) -> None:
        self.told.append(tuple(one.claim.mail_id for one in settlements))
        if self._settled is not None:
            self._settled.set()


def deliver(ledger: Ledger, attempts: list[Attempt], held_up: float = 10.0) -> None:
    limiter = mock.Mock(held_by_relay=mock.Mock(return_value=[]))
    courier = courier_with(store=ledger, limiter=limiter, timing=Timing(held_up=held_up))
    with (
        mock.patch.multiple(courier, _going_on=mock.DEFAULT, _screen=mock.DEFAULT, _within_limits=lambda _: attempts),
        mock.patch.object(courier, "_compose", side_effect=attempts),
    ):
        courier._deliver([], [])


def test_relays_that_are_well_are_first_and_those_that_fail_last() -> None:
    asked: list[str] = []
    ways = [Way(one.name, one, asked=asked) for one in (Prospect.FAILING, Prospect.UNKNOWN, Prospect.CONNECTED)]
    deliver(Ledger(), [through(way, way.name) for way in ways])
    assert asked == ["CONNECTED", "UNKNOWN", "FAILING"]


@pytest.mark.parametrize("greets", [False, True], ids=["for a session", "for a reply"])
def test_what_is_behind_a_relay_that_lets_us_wait_is_given_back_meanwhile(greets: bool) -> None:
    """And has no turn any more, for it is somebody else's: the relay lets go when the others were given back."""
    given_back = threading.Event()
    dead, well = Way("dead", let_go=given_back, greets=greets), Way("well")
    ledger = Ledger(given_back)
    deliver(ledger, [through(dead, "1"), through(well, "2"), through(well, "3")], held_up=0.01)
    assert ledger.told == [("2", "3"), ("1",)]
    assert well.asked == []


def behind(*attempts: Attempt, fails: Exception | None = None, patience: float = 0.0) -> tuple[Behind, list[Attempt]]:
    given: list[Attempt] = []

    def give_back(left: Sequence[Attempt]) -> None:
        if fails is not None:
            raise fails
        given.extend(left)
        for one in left:
            one.legs.clear()

    return Behind([(one.leg.sessions, [one]) for one in attempts], give_back, patience), given


def test_what_the_ledger_does_not_take_back_has_its_turn() -> None:
    first, second = through(Way("first"), "1"), through(Way("second"), "2")
    those, _ = behind(first, second, fails=StoreUnavailable("no answer"))
    turns = iter(those)
    next(turns)
    those._give_back_those_left()
    assert [attempts for _, attempts in turns] == [[second]]


def test_a_mail_of_which_something_is_over_has_its_turn() -> None:
    begun = an_attempt(ANN, "bob@two.example")
    begun.leg_failed(fault_error(REFUSED), Retry(1.0))
    those, given = behind(through(Way("first"), "1"), begun, through(Way("third"), "3"))
    turns = iter(those)
    next(turns)
    those._give_back_those_left()
    assert [one.claim.mail_id for one in given] == ["3"]
    assert [attempts for _, attempts in turns] == [[begun]]


def test_whoever_goes_on_keeps_those_behind(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each sign of life is a new beginning; the clock stands still but for what is waited for."""
    now = 0.0
    monkeypatch.setattr("notifier.delivery.behind.time.monotonic", lambda: now)
    those, given = behind(through(Way("first"), "1"), through(Way("second"), "2"), patience=10.0)
    turns = iter(those)
    next(turns)
    those.goes_on()

    def wait(seconds: float) -> bool:
        nonlocal now
        now += seconds
        if now == 10.0:
            now = 9.0
            those.goes_on()
        return now >= 19.0  # the turn is over

    over = mock.Mock(wait=mock.Mock(side_effect=wait))
    those._watch(over)
    assert [call.args for call in over.wait.call_args_list] == [(10.0,), (10.0,)]
    assert given == []


@pytest.mark.parametrize("count", [1, 2])
def test_somebody_watches_only_where_somebody_is_behind(count: int) -> None:
    those, _ = behind(*(through(Way(f"{number}"), f"{number}") for number in range(count)))
    next(iter(those))
    with mock.patch("threading.Thread") as thread, those.waiting():
        assert thread.called == (count == 2)


def test_where_there_is_no_thread_for_a_timer_the_others_wait() -> None:
    those, given = behind(*(through(Way(f"{number}"), f"{number}") for number in range(2)))
    turns = iter(those)
    next(turns)
    with mock.patch("threading.Thread.start", side_effect=RuntimeError("can't start new thread")), those.waiting():
        assert given == []
    assert len(list(turns)) == 1
