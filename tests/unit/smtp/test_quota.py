from __future__ import annotations

import pytest

from notifier.smtp.quota import KEPT, Quota


class Clock:
    now = 100.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def quota(clock: Clock) -> Quota:
    return Quota(1000, clock)


def end(quota: Quota, clock: Clock, mails: int) -> None:
    """A connection that lives ten seconds and ends behind so many mails."""
    quota.begin()
    opened_at = clock.now
    clock.now += 10
    quota.carried(mails)
    quota.ended(mails, opened_at)


def test_what_is_set_holds_as_long_as_nothing_else_is_known(quota: Quota) -> None:
    assert quota.most == 1000


def test_two_connections_in_a_row_that_end_behind_as_many_mails_are_believed(quota: Quota, clock: Clock) -> None:
    end(quota, clock, 100)
    assert quota.most == 1000
    end(quota, clock, 100)
    assert quota.most == 100


def test_connections_that_were_open_together_may_have_met_the_same_mishap(quota: Quota, clock: Clock) -> None:
    for _ in range(4):
        quota.ended(1, opened_at=clock.now - 5)
    assert quota.most == 1000


def test_of_connections_side_by_side_the_next_ones_are_believed(quota: Quota, clock: Clock) -> None:
    """Four at a time, each opened when the one before it ended: they overlap for ever."""
    opened = [clock.now - 4, clock.now - 3, clock.now - 2, clock.now - 1]
    for _ in range(5):
        clock.now += 1
        quota.ended(100, opened.pop(0))
        opened.append(clock.now)
    assert quota.most == 100


def test_two_different_numbers_say_nothing(quota: Quota, clock: Clock) -> None:
    for mails in (100, 99, 100, 99):
        end(quota, clock, mails)
    assert quota.most == 1000


def test_a_connection_that_carries_more_refutes_it(quota: Quota, clock: Clock) -> None:
    end(quota, clock, 100)
    quota.carried(101)
    end(quota, clock, 100)
    assert quota.most == 1000


def test_after_an_hour_one_connection_finds_out_whether_it_is_still_so(quota: Quota, clock: Clock) -> None:
    for _ in range(2):
        end(quota, clock, 100)
    clock.now += KEPT
    assert quota.most == 100, "to those who have begun"
    quota.begin()
    assert quota.most == 1000
    end(quota, clock, 100)
    assert quota.most == 100, "one is enough to know it again"
    clock.now += KEPT
    quota.carried(101)
    end(quota, clock, 100)
    assert quota.most == 1000, "it was not so any more"


def test_a_relay_that_allows_more_than_is_set_changes_nothing(quota: Quota, clock: Clock) -> None:
    for _ in range(2):
        end(quota, clock, 2000)
    assert quota.most == 1000
