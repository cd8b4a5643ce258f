from __future__ import annotations

import threading
from dataclasses import dataclass

from driven import driven
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from notifier.pool.places import Borrower, Places
from notifier.pool.pooled import Pooled

SIZE = 3


@dataclass
class Rested:
    """As much of a session as places look at."""

    usable: bool = True
    transactions: int = 0
    spent: bool = False


def pooled(expires: float = 50.0) -> Pooled:
    return Pooled(Rested(), expires, pid=0)  # type: ignore[arg-type]


def has_rung(borrower: Borrower) -> bool:
    return borrower.bell is not None and not borrower.bell._silence.locked()


class PlacesMachine(RuleBasedStateMachine):
    """Ask, give up, open, park, free, expire, do with fewer, drain, close in any order, against what must hold.

    No place beyond the size, no session with two owners, nobody overtaken in the queue, no place lost.
    """

    def __init__(self) -> None:
        super().__init__()
        self.places = Places(SIZE)
        self.came: list[Borrower] = []
        self.queue: list[Borrower] = []  # as the test saw them come
        self.empty: list[Borrower] = []  # granted, and no session yet
        self.lent: list[Borrower] = []
        self.now = 0.0
        self.limit = SIZE

    @rule()
    def ask(self) -> None:
        self.queue.append(Borrower())
        self.came.append(self.queue[-1])
        self.places.ask(self.queue[-1])
        if self.places.closed:
            turned_away = self.queue.pop()
            assert turned_away.turned_away
            assert not turned_away.granted
        self.accept()

    @precondition(lambda self: self.queue)
    @rule(which=st.integers(0, 9), without_a_word=st.booleans())
    def give_up(self, which: int, without_a_word: bool) -> None:
        borrower = self.queue.pop(which % len(self.queue))
        if without_a_word:
            self.places.free(borrower)
        else:
            assert not self.places.leave_queue(borrower), "whoever was granted is not in the test's queue any more"
        self.accept()

    @precondition(lambda self: self.empty)
    @rule(works=st.booleans())
    def connect(self, works: bool) -> None:
        borrower = self.empty.pop()
        if works:
            borrower.pooled = pooled(self.now + 50)
            self.lent.append(borrower)
        else:
            self.places.free(borrower)
        self.accept()

    @precondition(lambda self: self.empty)
    @rule(which=st.integers(0, 9))
    def others_have_the_connections(self, which: int) -> None:
        borrower = self.empty.pop(which % len(self.empty))
        others = self.places.stats()["parked"] + len(self.lent) + len(self.empty)
        assert self.places.do_with_fewer(borrower) == (others > 0)
        if not others:
            self.empty.append(borrower)
            return
        self.limit = others
        if self.places.closed:
            assert borrower.turned_away
            assert borrower.bell is None, "nobody would ring it"
        else:
            self.queue.append(borrower)
            self.queue.sort(key=self.came.index)
        self.accept()

    @rule()
    def they_have_them_no_more(self) -> None:
        self.limit = SIZE
        self.places.do_with_all()
        self.accept()

    @precondition(lambda self: self.lent)
    @rule(which=st.integers(0, 9))
    def park(self, which: int) -> None:
        borrower = self.lent.pop(which % len(self.lent))
        if borrower.pooled is not None:
            borrower.pooled.until = self.now + 10
        if (reason := self.places.park(borrower)) is not None:
            assert reason == ("closed" if self.places.closed else "drained")
            self.places.free(borrower)
        self.accept()

    @precondition(lambda self: self.lent)
    @rule(which=st.integers(0, 9), twice=st.booleans())
    def break_off(self, which: int, twice: bool) -> None:
        borrower = self.lent.pop(which % len(self.lent))
        self.places.free(borrower)
        self.accept()
        if twice:
            self.places.free(borrower)
            self.accept()

    @precondition(lambda self: self.lent)
    @rule(which=st.integers(0, 9))
    def exchange(self, which: int) -> None:
        borrower = self.lent.pop(which % len(self.lent))
        borrower.pooled = None
        self.places.exchange(borrower)
        self.own(borrower)
        self.accept()

    @rule(seconds=st.floats(0, 20))
    def time_passes(self, seconds: float) -> None:
        self.now += seconds
        for borrower, _ in self.places.take_out(lambda parked: parked.why_no_longer(self.now)):
            self.places.free(borrower)
        self.accept()

    @rule()
    def drain(self) -> None:
        for borrower, reason in self.places.drain():
            assert reason == "drained"
            self.places.free(borrower)
        self.accept()
        assert self.places.stats()["parked"] == 0
        assert all(borrower.outdated for borrower in (*self.lent, *self.empty))

    @rule()
    def close(self) -> None:
        self.places.close()
        assert all(one.turned_away and has_rung(one) for one in self.queue), "nobody waits in vain"
        self.queue.clear()

    @rule()
    def open(self) -> None:
        self.places.open()

    def accept(self) -> None:
        """Those that were granted stand at the head of the queue, without a gap."""
        granted = [borrower.granted for borrower in self.queue]
        count = sum(granted)
        assert granted == [True] * count + [False] * (len(granted) - count), "somebody was overtaken"
        for borrower in self.queue[:count]:
            assert borrower.bell is None or has_rung(borrower)
            self.own(borrower)
        del self.queue[:count]

    def own(self, borrower: Borrower) -> None:
        if borrower.pooled is None:
            self.empty.append(borrower)
            return
        assert not any(borrower.pooled is one.pooled for one in self.lent), "one session, two owners"
        self.lent.append(borrower)

    @invariant()
    def bounds_hold(self) -> None:
        stats = self.places.stats()
        assert stats["lent"] == len(self.lent)
        assert stats["parked"] + stats["lent"] + len(self.empty) <= SIZE
        assert stats["waiting"] == len(self.queue)
        if self.queue:
            assert stats["parked"] == 0, "somebody waits, and a session rests"
            assert stats["lent"] + len(self.empty) >= self.limit, "somebody waits, and a place is free"


TestPlacesMachine = PlacesMachine.TestCase
TestPlacesMachine.settings = driven(200, steps=40)


def test_whoever_is_served_at_once_needs_no_bell() -> None:
    places, borrower = Places(1), Borrower()
    places.ask(borrower)
    assert borrower.granted
    assert borrower.bell is None


def test_those_who_are_refused_at_once_wait_in_the_order_in_which_they_came() -> None:
    places, lent, first, second, third = Places(3), *(Borrower() for _ in range(4))
    for borrower in (lent, first, second, third):
        places.ask(borrower)
    lent.pooled = pooled()
    for refused in (first, second):
        assert places.do_with_fewer(refused)
    for served in (first, second, third):
        assert not served.granted
        assert places.park(lent) is None
        assert served.granted
        lent = served


def test_whoever_is_to_do_with_fewer_in_a_closed_pool_is_turned_away_and_waits_for_no_bell() -> None:
    places, connecting, refused = Places(2), Borrower(), Borrower()
    places.ask(connecting)
    places.ask(refused)
    places.close()
    assert places.do_with_fewer(refused)
    assert refused.turned_away
    assert refused.bell is None


def test_waiting_for_the_last_place_ends_when_it_is_free() -> None:
    places, borrower = Places(1), Borrower()
    places.ask(borrower)
    assert not places.wait_until_empty(0)
    thread = threading.Thread(target=places.free, args=(borrower,))
    thread.start()
    assert places.wait_until_empty(5)
    thread.join()
