"""Step 2 of the journey: the answer to a bell. One bell serves many mails."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Protocol

from notifier.delivery.draining import Draining, never
from notifier.delivery.leases import LeaseKeeper
from notifier.store.base import Claim, Store


class Deliverer(Protocol):
    """What a round needs of the courier."""

    def deliver(self, claims: list[Claim]) -> bool: ...


class Pace:
    """How many mails to claim at once: more while the relay is quick, one at a time where it is slow.

    A batch should take a quarter of the time slice, so that what a slow relay holds up is little.
    """

    def __init__(self, most: int) -> None:
        self._most = most
        self.batch = min(8, most)

    def learn(self, mails: int, seconds: float, time_slice: float) -> None:
        """Take the last batch's time into account."""
        if seconds > time_slice:
            self.batch = 1
        elif seconds > time_slice / 4:
            self.batch = max(1, self.batch // 2)
        elif mails == self.batch:
            self.batch = min(self._most, self.batch * 2)


def serve(
    queue: str,
    bell: str,
    *,
    store: Store,
    courier: Deliverer,
    owner: str,
    pace: Pace,
    time_slice: float,
    renew_every: float,
    draining: Draining = never,
    clock: Callable[[], float] = time.monotonic,
) -> bool:
    """Deliver what is due in ``queue`` until nothing is, ``time_slice`` seconds are over, or the worker is ``draining``.

    ``renew_every``: seconds after which claims in work are renewed; well under the lease.

    Returns True where the bell must ring again: mails are still due.
    """
    if draining():
        return (
            False  # ringing again, it could come back here; a sweep of somebody else's finds that nobody has answered
        )
    ends = clock() + time_slice
    while (claims := store.answer(queue, bell, owner, pace.batch)) is not None:
        if claims:
            began = clock()
            with LeaseKeeper(store, claims, renew_every):
                useful = courier.deliver(claims)
            if not useful and not draining():
                # Others send them, and look for more. The bell stays and ends by itself: then the sweeper rings, if
                # there is still something due, and somebody looks again.
                return False
            pace.learn(len(claims), clock() - began, time_slice)
        if clock() >= ends or draining():
            store.ring_again(queue, bell)
            return True
    return False
