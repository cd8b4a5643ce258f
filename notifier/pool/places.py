"""`Places`: the pool's state and its only lock. It decides and never acts: nothing here connects, writes or waits long.

Every session, and every checkout on its way to one, holds a *place* until the connection is closed; so the relay never
sees more than ``size``. Places are handed out first come first served.
"""

from __future__ import annotations

import os
import threading
from collections import Counter, deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from notifier.pool.config import PoolConfig
from notifier.pool.pooled import Pooled


@dataclass(slots=True, eq=False)
class Waiter:
    """Somebody who asks for a place. ``granted``: it is theirs, with the session ``pooled`` or empty."""

    event: threading.Event = field(default_factory=threading.Event)
    granted: bool = False
    pooled: Pooled | None = None


class Places:
    """The places of one pool in one process (``pid``): each method is one critical section."""

    def __init__(self, size: int) -> None:
        self.size = size
        self.pid = os.getpid()
        self.closed = False
        self._lock = threading.Lock()
        self._changed = threading.Condition(self._lock)
        self._limit = size  # fewer for a while, where the relay takes no more from all replicas together
        self._taken = 0  # parked, lent, being opened and being closed
        self._parked: deque[Pooled] = deque()  # the most recently used at the right
        self._lent: set[Pooled] = set()
        self._waiters: deque[Waiter] = deque()
        self._counters: Counter[str] = Counter()

    # to a place -----------------------------------------------------------------------------------------------------

    def ask(self, *, first: bool = False) -> Waiter:
        """A place at once, or in the queue; where the pool is closed, neither. ``first``: it had been its turn."""
        waiter = Waiter()
        with self._lock:
            if self.closed:
                waiter.event.set()
                return waiter
            if first:
                self._waiters.appendleft(waiter)
            else:
                self._waiters.append(waiter)
            self._serve()
            if not waiter.granted:
                self._counters["waited"] += 1
        return waiter

    def leave_queue(self, waiter: Waiter) -> bool:
        """Wait no longer. True where the place was granted, perhaps in this moment: then it must be used or freed."""
        with self._lock:
            if waiter in self._waiters:
                self._waiters.remove(waiter)
            return waiter.granted

    def lend(self, pooled: Pooled) -> None:
        """A session was opened for a place that was empty."""
        with self._lock:
            self._lent.add(pooled)

    def exchange(self, dead: Pooled) -> Pooled | None:
        """The place of a session that is closed now gets a parked one; None: it is kept, and empty."""
        with self._lock:
            self._lent.discard(dead)
            if not self._parked:
                return None
            other = self._parked.pop()
            self._lent.add(other)
            self._taken -= 1  # the parked one has brought its own
            self._serve()
            return other

    def do_with_fewer(self) -> bool:
        """An empty place is given back, and no empty one granted any more until `do_with_all`: whoever waits waits for the
        others. False where there are no others.
        """
        with self._lock:
            self._taken -= 1
            self._limit = self._taken or self.size
            self._serve()
            self._changed.notify_all()
            return self._limit < self.size

    def do_with_all(self) -> None:
        """Grant as many places again as there are."""
        with self._lock:
            self._limit = self.size
            self._serve()

    # and back -------------------------------------------------------------------------------------------------------

    def park(self, pooled: Pooled, now: float) -> bool:
        """Keep a session for the next, or hand it to the first waiter. False where the pool has closed."""
        with self._lock:
            if self.closed:
                return False
            pooled.parked_at = now
            self._lent.discard(pooled)
            self._parked.append(pooled)
            self._serve()
            return True

    def free(self, pooled: Pooled | None) -> None:
        """The place is free: its session is closed, or none was opened."""
        with self._lock:
            if pooled is not None:
                self._lent.discard(pooled)
            self._taken -= 1
            self._serve()
            self._changed.notify_all()

    def next_due(self, config: PoolConfig) -> float | None:
        """When the first of the parked sessions has to be looked at; None where there are none."""
        with self._lock:
            return min((one.due(config) for one in self._parked), default=None)

    def take_out(self, why: Callable[[Pooled], str | None]) -> list[tuple[Pooled, str]]:
        """Parked sessions to be closed, with the reason; each keeps its place until it is freed."""
        with self._lock:
            over = [(one, reason) for one in self._parked if (reason := why(one)) is not None]
            for one, _ in over:
                self._parked.remove(one)
            return over

    def _serve(self) -> None:
        """Under the lock: grant places to waiters, the freshest sessions first."""
        while self._waiters and (self._parked or self._taken < self._limit):
            waiter = self._waiters.popleft()
            if self._parked:
                waiter.pooled = self._parked.pop()
                self._lent.add(waiter.pooled)
            else:
                self._taken += 1
            waiter.granted = True
            waiter.event.set()

    def outdate(self) -> None:
        """Those that are lent now are not to be lent again."""
        with self._lock:
            for one in self._lent:
                one.drained = True

    # ends -----------------------------------------------------------------------------------------------------------

    def open(self) -> None:
        """Grant places again."""
        with self._lock:
            self.closed = False

    def close(self) -> None:
        """Grant nothing more, and let nobody wait in vain."""
        with self._lock:
            self.closed = True
            for waiter in self._waiters:
                waiter.event.set()
            self._waiters.clear()

    def wait_until_empty(self, seconds: float) -> bool:
        """True where every place became free in time."""
        with self._changed:
            return self._changed.wait_for(lambda: self._taken == 0, timeout=seconds)

    # looking --------------------------------------------------------------------------------------------------------

    def count(self, name: str) -> None:
        """One more of these."""
        with self._lock:
            self._counters[name] += 1

    def stats(self) -> Mapping[str, int]:
        """How many are what now, and the counters."""
        with self._lock:
            now = {"parked": len(self._parked), "lent": len(self._lent), "waiting": len(self._waiters)}
            return now | {name: number for name, number in self._counters.items() if number}

    def tokens(self) -> list[str]:
        """Of the connections that are parked or lent."""
        with self._lock:
            return [one.token for one in (*self._parked, *self._lent) if one.token is not None]

    def sessions(self) -> list[Pooled]:
        """Parked and lent, without the lock: after a fork it may be held by a thread that is no more."""
        return [*self._parked, *self._lent]

    def __str__(self) -> str:
        return (
            f"{'closed' if self.closed else 'open'}: {len(self._parked)} parked, {len(self._lent)} lent, "
            f"{len(self._waiters)} waiting, {self._taken} of {self.size} places"
        )
