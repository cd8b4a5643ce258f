"""An exception between any two lines, as a task's time limit comes by signal: no place is lost, no session has two owners."""

from __future__ import annotations

import linecache
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from types import FrameType
from typing import Any

import pytest
from fake_relay import Clock, FakeRelay, make, soon

import notifier.pool
from notifier.pool import SessionPool

ROOM = str(Path(notifier.pool.__file__).parent)
SIZE = 2
Story = Callable[[SessionPool, FakeRelay, Clock], None]


class TimeLimit(BaseException):
    pass


class Striker:
    """Raises at the ``number``-th line of the pool that is about to run."""

    def __init__(self, number: int) -> None:
        self._left = number
        self.struck: str | None = None

    def __call__(self, frame: FrameType, event: str, _: Any) -> Striker | None:
        code = frame.f_code
        if not code.co_filename.startswith(ROOM) or code.co_name == "__exit__":
            return None if event == "call" else self
        if event == "line" and not self._is_outside(frame):
            self._left -= 1
            if self._left == 0:
                self.struck = f"{code.co_qualname}, line {frame.f_lineno}"
                raise TimeLimit
        return self

    @staticmethod
    def _is_outside(frame: FrameType) -> bool:
        """At `try` nothing is guarded yet; and a tracer is called at the end of `with`, where no signal is heard."""
        line = linecache.getline(frame.f_code.co_filename, frame.f_lineno).strip()
        return line == "try:" or line.startswith("with self._lock")


@contextmanager
def struck(striker: Striker) -> Iterator[None]:
    before = sys.gettrace()
    sys.settrace(striker)
    try:
        yield
    finally:
        sys.settrace(before)


def a_new_one(pool: SessionPool, relay: FakeRelay, clock: Clock) -> None:
    pass


def one_that_is_parked(pool: SessionPool, relay: FakeRelay, clock: Clock) -> None:
    with pool.session(soon()):
        pass


def one_in_place_of_dead_ones(pool: SessionPool, relay: FakeRelay, clock: Clock) -> None:
    with pool.session(soon()), pool.session(soon()):
        pass
    for session in relay.sessions:
        session.alive = False


def one_whose_time_is_over(pool: SessionPool, relay: FakeRelay, clock: Clock) -> None:
    one_that_is_parked(pool, relay, clock)
    clock.now += 1000


def one_that_is_used_up(pool: SessionPool, relay: FakeRelay, clock: Clock) -> None:
    one_that_is_parked(pool, relay, clock)
    relay.sessions[0].spent = True


STORIES = [a_new_one, one_that_is_parked, one_in_place_of_dead_ones, one_whose_time_is_over, one_that_is_used_up]


@pytest.mark.parametrize("story", STORIES)
def test_a_checkout_and_return_that_is_struck_anywhere_leaves_the_pool_whole(story: Story) -> None:
    number, striker = 0, Striker(0)
    while number == 0 or striker.struck is not None:
        number += 1
        pool, relay, clock, _ = make(size=SIZE)
        story(pool, relay, clock)
        striker = Striker(number)
        with suppress(TimeLimit), struck(striker), pool.session(soon()):
            pass
        check_that_it_is_whole(pool, relay, str(striker.struck))
    assert number > 20, "it was struck at many lines"


def check_that_it_is_whole(pool: SessionPool, relay: FakeRelay, where: str) -> None:
    stats = pool.stats()
    assert stats["lent"] == 0, where
    assert f"{stats['parked']} of {SIZE} places" in repr(pool), f"a place is lost: {where}"
    lost = {id(one) for one in relay.connected} - {id(one.session) for one in pool._places.sessions()}
    assert len(lost) <= 1, where
    with pool.session(soon(-1)) as one, pool.session(soon(-1)) as other:
        assert one is not other
        assert not lost & {id(one), id(other)}, where
