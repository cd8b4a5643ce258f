from __future__ import annotations

from dataclasses import dataclass

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from notifier.pool import PoolConfig
from notifier.pool.places import Places, Waiter
from notifier.pool.pooled import Pooled

SIZE = 3


@dataclass
class Rested:
    """As much of a session as places look at."""

    usable: bool = True
    transactions: int = 0
    spent: bool = False


class PlacesMachine(RuleBasedStateMachine):
    """Ask, give up, lend, park, free, expire, do with fewer, open, close in any order, against a model of what must hold.

    No place beyond the size, no session with two owners, nobody overtaken in the queue, no place lost.
    """

    def __init__(self) -> None:
        super().__init__()
        self.places = Places(SIZE)
        self.queue: list[Waiter] = []  # as the test saw them come
        self.empty = 0  # granted places whose session is not there yet
        self.lent: list[Pooled] = []
        self.now = 0.0
        self.limit = SIZE

    @rule()
    def ask(self) -> None:
        self.queue.append(self.places.ask())
        if self.places.closed:
            assert not self.queue.pop().granted
        self.accept()

    @precondition(lambda self: self.queue)
    @rule(which=st.integers(0, 9))
    def give_up(self, which: int) -> None:
        waiter = self.queue.pop(which % len(self.queue))
        assert not self.places.leave_queue(waiter), "whoever was granted is not in the test's queue any more"
        self.accept()

    @precondition(lambda self: self.empty)
    @rule(works=st.booleans())
    def connect(self, works: bool) -> None:
        self.empty -= 1
        if works:
            self.lent.append(Pooled(Rested(), expires=self.now + 50, pid=0))  # type: ignore[arg-type]
            self.places.lend(self.lent[-1])
        else:
            self.places.free(None)
        self.accept()

    @precondition(lambda self: self.empty)
    @rule()
    def the_relay_takes_no_more(self) -> None:
        self.empty -= 1
        stats = self.places.stats()
        others = stats["parked"] + stats["lent"] + self.empty
        self.limit = others or SIZE
        assert self.places.do_with_fewer() == (others > 0)
        if others:
            self.queue.insert(0, self.places.ask(first=True))
            if self.places.closed:
                del self.queue[0]
        self.accept()

    @rule()
    def it_takes_more_again(self) -> None:
        self.limit = SIZE
        self.places.do_with_all()
        self.accept()

    @precondition(lambda self: self.lent)
    @rule(which=st.integers(0, 9))
    def park(self, which: int) -> None:
        one = self.lent.pop(which % len(self.lent))
        if not self.places.park(one, self.now):
            assert self.places.closed
            self.places.free(one)
        self.accept()

    @precondition(lambda self: self.lent)
    @rule(which=st.integers(0, 9))
    def break_off(self, which: int) -> None:
        self.places.free(self.lent.pop(which % len(self.lent)))
        self.accept()

    @precondition(lambda self: self.lent)
    @rule(which=st.integers(0, 9))
    def exchange(self, which: int) -> None:
        other = self.places.exchange(self.lent.pop(which % len(self.lent)))
        if other is None:
            self.empty += 1
        else:
            self.own(other)
        self.accept()

    @rule(seconds=st.floats(0, 20))
    def time_passes(self, seconds: float) -> None:
        self.now += seconds
        for one, _ in self.places.take_out(lambda parked: parked.why_no_longer(PoolConfig(), self.now)):
            self.places.free(one)
        self.accept()

    @rule()
    def close(self) -> None:
        self.places.close()
        assert all(waiter.event.is_set() for waiter in self.queue), "nobody waits in vain"
        self.queue.clear()

    @rule()
    def open(self) -> None:
        self.places.open()

    def accept(self) -> None:
        """Those that were granted stand at the head of the queue, without a gap."""
        granted = [waiter.granted for waiter in self.queue]
        count = sum(granted)
        assert granted == [True] * count + [False] * (len(granted) - count), "somebody was overtaken"
        for waiter in self.queue[:count]:
            if waiter.pooled is None:
                self.empty += 1
            else:
                self.own(waiter.pooled)
        del self.queue[:count]

    def own(self, pooled: Pooled) -> None:
        assert not any(pooled is one for one in self.lent), "one session, two owners"
        self.lent.append(pooled)

    @invariant()
    def bounds_hold(self) -> None:
        stats = self.places.stats()
        assert stats["lent"] == len(self.lent)
        assert stats["parked"] + stats["lent"] + self.empty <= SIZE
        assert stats["waiting"] == len(self.queue)
        if self.queue:
            assert stats["parked"] == 0, "somebody waits, and a session rests"
            assert stats["lent"] + self.empty >= self.limit, "somebody waits, and a place is free"


TestPlacesMachine = PlacesMachine.TestCase
TestPlacesMachine.settings = settings(max_examples=200, stateful_step_count=40, deadline=None)
