from __future__ import annotations

import pytest
from driven import driven
from fake_ledger import Clock, fake_redis, fake_store
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, rule

from notifier.model.breaker import BreakerRule, Place
from notifier.pool.local_breakers import LocalBreakers

HOST = BreakerRule(consecutive=3, share=0.5, last=8, first=4.0, longest=16.0, probe=6.0)
LOGIN = BreakerRule(consecutive=1, first=10.0, longest=20.0, probe=6.0)
PLACES = st.sampled_from([Place("relay:25"), Place("relay:25", "ann"), Place("relay:25", "bob"), Place("other:25")])


class SharedBreakersAreLikeLocalOnes(RuleBasedStateMachine):
    """What the script on the server answers is what the model in memory answers, whatever happened before."""

    def __init__(self) -> None:
        super().__init__()
        self.clock = Clock(1_000_000.0)
        self.fake = fake_redis(self.clock)
        self.fake.__enter__()
        self.store = fake_store()
        self.shared = self.store.breakers
        self.model = LocalBreakers(self.clock.time)

    def teardown(self) -> None:
        self.store.close()
        self.fake.__exit__(None, None, None)

    @rule(place=PLACES)
    def permit(self, place: Place) -> None:
        mine, theirs = self.model.permit(place), self.shared.permit(place)
        assert theirs._replace(wait=0.0) == mine._replace(wait=0.0)
        assert theirs.wait == pytest.approx(mine.wait, abs=0.002)

    @rule(place=PLACES)
    def look(self, place: Place) -> None:
        """Nothing is given away by it, and what waits for an open breaker is seen to."""
        opened = self.shared.opened(place)
        assert {one.about for one in opened} <= ({"host", "account"} if place.account else {"host"})
        assert all(0 <= one.wait <= LOGIN.longest and one.why for one in opened)

    @rule(place=PLACES)
    def forgo(self, place: Place) -> None:
        self.model.forgo(place)
        self.shared.forgo(place)

    @rule(place=PLACES)
    def logged_in(self, place: Place) -> None:
        assert self.shared.logged_in(place) == self.model.logged_in(place)

    @rule(place=PLACES.filter(lambda place: place.account is not None), login=st.sampled_from("abcde"))
    def log_in(self, place: Place, login: str) -> None:
        mine, theirs = self.model.log_in(place, login), self.shared.log_in(place, login)
        assert (theirs.patience is None, theirs.why) == (mine.patience is None, mine.why)
        assert (theirs.wait, theirs.patience or 0) == pytest.approx((mine.wait, mine.patience or 0), abs=0.002)

    @rule(place=PLACES, login=st.sampled_from("abcde"))
    def login_over(self, place: Place, login: str) -> None:
        self.model.login_over(place, login)
        self.shared.login_over(place, login)

    @rule(place=PLACES)
    def good(self, place: Place) -> None:
        assert self.shared.good(place) == self.model.good(place)

    @rule(place=PLACES, times=st.integers(1, 3))
    def bad(self, place: Place, times: int) -> None:
        for _ in range(times):
            assert self.shared.bad(place, "host", HOST, "no answer") == self.model.bad(place, "host", HOST, "no answer")

    @rule(place=PLACES)
    def bad_login(self, place: Place) -> None:
        answers = [one.bad(place, "account", LOGIN, "wrong password") for one in (self.shared, self.model)]
        assert answers[0] == answers[1]

    @rule(seconds=st.sampled_from([0.25, 1, 2, 3, 5, 8, 12, 60]))
    def time_passes(self, seconds: float) -> None:
        self.clock.now += seconds


TestSharedBreakers = SharedBreakersAreLikeLocalOnes.TestCase
TestSharedBreakers.settings = driven(60, steps=40)
