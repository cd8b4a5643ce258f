"""Claims are renewed while their worker is at work with them, by one thread for all of a process."""

from __future__ import annotations

import os
import threading
from collections.abc import Sequence
from typing import cast

import pytest

from notifier.delivery.leases import LeaseKeeper
from notifier.errors import StoreUnavailable
from notifier.store.base import Claim

PATIENCE = 30.0  # seconds until a wait is given up; nothing is measured by it
OFTEN, HARDLY_EVER = 0.001, 3600.0


class Ledger:
    """Renews nothing; says when it was asked so many times."""

    def __init__(self, times: int = 1, *, away: bool = False) -> None:
        self.asked: list[Sequence[Claim]] = []
        self.enough = threading.Event()
        self._times, self._away = times, away

    def renew(self, claims: Sequence[Claim]) -> None:
        self.asked.append(claims)
        if len(self.asked) >= self._times:
            self.enough.set()
        if self._away:
            raise StoreUnavailable("away")


def claims() -> Sequence[Claim]:
    return [cast("Claim", object())]


def keepers() -> int:
    return sum(thread.name == "lease-keeper" for thread in threading.enumerate())


def test_claims_are_renewed_again_and_again() -> None:
    ledger, mine = Ledger(times=3), claims()
    with LeaseKeeper(ledger, mine, OFTEN):
        assert ledger.enough.wait(PATIENCE)
    assert ledger.asked[0] is mine


def test_a_short_interval_does_not_wait_for_a_long_one() -> None:
    slow, quick = Ledger(), Ledger()
    with LeaseKeeper(slow, claims(), HARDLY_EVER), LeaseKeeper(quick, claims(), OFTEN):
        assert quick.enough.wait(PATIENCE)
    assert slow.asked == []


def test_a_store_that_is_away_is_asked_again() -> None:
    ledger = Ledger(times=3, away=True)
    with LeaseKeeper(ledger, claims(), OFTEN):
        assert ledger.enough.wait(PATIENCE)


def test_all_slots_of_a_process_have_one_thread() -> None:
    first, second = Ledger(), Ledger()
    with LeaseKeeper(first, claims(), OFTEN), LeaseKeeper(second, claims(), OFTEN):
        assert first.enough.wait(PATIENCE)
        assert second.enough.wait(PATIENCE)
        assert keepers() == 1


def test_what_is_over_is_renewed_no_more() -> None:
    over, goes_on = Ledger(), Ledger(times=3)
    with LeaseKeeper(over, claims(), HARDLY_EVER):
        pass
    with LeaseKeeper(goes_on, claims(), OFTEN):
        assert goes_on.enough.wait(PATIENCE)
    assert over.asked == []


@pytest.mark.filterwarnings("ignore:.*fork:DeprecationWarning")  # Python 3.12: there is a thread, that is the point
def test_a_forked_child_has_a_thread_of_its_own() -> None:
    with LeaseKeeper(Ledger(), claims(), HARDLY_EVER):
        child = os.fork()
        if child == 0:
            ledger = Ledger()
            with LeaseKeeper(ledger, claims(), OFTEN):
                os._exit(0 if ledger.enough.wait(PATIENCE) else 1)
        _, status = os.waitpid(child, 0)
    assert os.waitstatus_to_exitcode(status) == 0
