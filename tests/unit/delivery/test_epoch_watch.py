"""Who looks at the ledger's epoch, and what a restore asks of them."""

from __future__ import annotations

import time

import pytest

from notifier.delivery.epochs import RESTORED, EpochWatch
from notifier.model.events import ignore
from notifier.store.base import Epoch, EpochChange


class Killed(BaseException):
    """As kill -9: nothing of ours runs afterwards."""


class RestoredLedger:
    """One that has just gone back, with a mail that may go only once. So many workers are killed while they park."""

    def __init__(self, *, kills: int) -> None:
        self.over = False
        self.parked = 0
        self.kills = kills

    def look(self, remembered: Epoch | None) -> tuple[Epoch, EpochChange | None]:
        epoch = Epoch("new", 1)
        return epoch, None if self.over else EpochChange(time.time(), "", epoch.mark, RESTORED)

    def queues(self) -> tuple[str, ...]:
        return ("mail.bulk",)

    def park_after_restore(self, queue: str, before: float) -> int:
        if self.kills:
            self.kills -= 1
            raise Killed
        self.parked += 1
        return 1

    def restore_is_over(self, mark: str) -> None:
        assert self.parked, "not before"
        self.over = mark == "new"


def test_a_worker_that_is_killed_while_it_parks_leaves_it_to_the_next_one() -> None:
    ledger = RestoredLedger(kills=1)
    with pytest.raises(Killed):
        EpochWatch(ledger, ignore).look()  # type: ignore[arg-type]
    assert not ledger.over
    watch = EpochWatch(ledger, ignore)  # type: ignore[arg-type]
    watch.look()
    watch.look()
    assert (ledger.over, ledger.parked) == (True, 1)
