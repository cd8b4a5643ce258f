"""`Places`: the pool's state and its only lock. It decides and never acts: nothing here connects, writes or waits long.

Every session, and every checkout on its way to one, holds a *place* until the connection is closed; so the relay never
sees more than ``size``. Places are handed out first come first served.

An exception may strike a checkout between any two lines (a task's time limit comes by signal). A place is therefore held
by standing in a set, not by a count, so that giving it back twice is giving it back once; and what changes hands is
taken from the one before the other has it: a session may be lost so, but never has two owners.
"""

from __future__ import annotations

import os
import threading
from collections import Counter, deque
from collections.abc import Callable, Mapping

from notifier.pool.bell import Bell
from notifier.pool.pooled import Pooled

LogIn = Callable[[], None]  # when it is one's turn to log in; raises where it is not now


class Borrower:
    """Somebody who asks for a place. ``granted``: it is theirs, empty or with the session ``pooled``.

    There is one for each checkout, so what most of them never set is the class's.
    """

    pooled: Pooled | None = None
    granted: bool = False
    asked: int = 0  # how many had asked before
    turned_away: bool = False  # the pool has closed
    outdated: bool = False  # the pool was drained since: what they have is not to be lent again
    bell: Bell | None = None  # where they have to wait
    log_in: LogIn | None = None  # asked when a session is opened for them
    reused: bool = False  # the session was a parked one; counted when they go, which spares a turn at the lock
    heard: bool = False  # somebody listens to its reuse, and so to its return


def _holder_of(pooled: Pooled) -> Borrower:
    holder = Borrower()
    holder.pooled, holder.granted = pooled, True
    return holder


class Places:
    """The places of one pool in one process (``pid``): each method is one critical section."""

    def __init__(self, size: int) -> None:
        self.size = size
        self.pid = os.getpid()
        self.closed = False
        self._lock = threading.Lock()
        self._changed = threading.Condition(self._lock)
        self._limit = size  # fewer for a while, where others have the relay's connections
        self._parked: deque[Pooled] = deque()  # the most recently used at the right
        self._holders: set[Borrower] = set()  # their sessions are lent, being opened or being closed
        self._queue: deque[Borrower] = deque()
        self._counters: Counter[str] = Counter()
        self._asked = 0  # borrowers, ever
        self._reused = 0  # apart from the others: there is one for each checkout

    # to a place -----------------------------------------------------------------------------------------------------

    def ask(self, borrower: Borrower) -> None:
        """A place at once, or in the queue; where the pool is closed, neither."""
        with self._lock:
            borrower.asked = self._asked = self._asked + 1
            if self.closed:
                borrower.turned_away = True
            elif self._queue or not self._grant(borrower):  # whoever waits comes before whoever comes
                borrower.bell = Bell()
                self._queue.append(borrower)

    def leave_queue(self, borrower: Borrower) -> bool:
        """Wait no longer. True where the place was granted, perhaps in this moment: then it must be used or freed."""
        with self._lock:
            if borrower in self._queue:
                self._queue.remove(borrower)
            return borrower.granted

    def exchange(self, borrower: Borrower) -> None:
        """Their session is closed now: they get a parked one for it, or keep their place empty."""
        with self._lock:
            if self._parked:  # its own place is free now, and nobody waits for it: or it would not have been parked
                borrower.pooled = self._parked.pop()

    def do_with_fewer(self, borrower: Borrower) -> bool:
        """They give an empty place back and wait, before all who came later, for one of the sessions that are there: no empty place is
        granted until `do_with_all`. False where there is no session to wait for; then they keep it.
        """
        with self._lock:
            others = len(self._holders) - 1 + len(self._parked)
            if not others:
                return False
            self._limit = others
            self._holders.discard(borrower)
            borrower.granted, borrower.turned_away, borrower.bell = False, self.closed, None
            if not self.closed:  # or nobody would ring
                borrower.bell = Bell()
                # Several may be refused at once, and in any order.
                self._queue.insert(sum(one.asked < borrower.asked for one in self._queue), borrower)
            self._serve()
            return True

    def do_with_all(self) -> None:
        """Grant as many places again as there are."""
        with self._lock:
            self._limit = self.size
            self._serve()

    def do_with_one_more(self) -> None:
        """Grant one place more than before, to the first in the queue."""
        with self._lock:
            self._limit = min(self.size, self._limit + 1)
            self._serve()

    # and back -------------------------------------------------------------------------------------------------------

    def park(self, borrower: Borrower) -> str | None:
        """Keep the session for the next, or hand it to the first in the queue; the reason where it must not be kept."""
        with self._lock:
            if self.closed:
                return "closed"
            if borrower.outdated:
                return "drained"
            lent, borrower.pooled = borrower.pooled, None
            if lent is not None:
                self._gone(borrower)
                self._parked.append(lent)
            if self._queue:
                self._serve()
            return None

    def free(self, borrower: Borrower) -> None:
        """They are gone, from the queue or from their place: its session is closed, or none was opened."""
        with self._lock:
            if borrower in self._queue:
                self._queue.remove(borrower)
            self._gone(borrower)
            self._serve()
            self._changed.notify_all()

    def _gone(self, borrower: Borrower) -> None:
        """Under the lock: their place is free."""
        self._holders.discard(borrower)
        if borrower.reused:
            borrower.reused = False
            self._reused += 1

    def _serve(self) -> None:
        """Under the lock: grant places to those in the queue, in their order."""
        queue = self._queue
        while queue and (queue[0].granted or self._grant(queue[0])):
            first = queue.popleft()
            if first.bell is not None:
                first.bell.ring()

    def _grant(self, borrower: Borrower) -> bool:
        """Under the lock: the freshest parked session, or an empty place; False where there is neither."""
        if self._parked:
            borrower.pooled = self._parked.pop()
        elif len(self._holders) >= self._limit:
            return False
        self._holders.add(borrower)
        borrower.granted = True
        return True

    # upkeep ---------------------------------------------------------------------------------------------------------

    def next_due(self, if_parked_now: float) -> float | None:
        """When the first of the parked sessions has to be looked at; one that is lent, if it were ``if_parked_now``,
        then. None where there are none of either.
        """
        with self._lock:
            return min((one.until for one in self._parked), default=if_parked_now if self._holders else None)

    def take_out(self, why: Callable[[Pooled], str | None]) -> list[tuple[Borrower, str]]:
        """Parked sessions to be closed, with the reason; each keeps its place until that is freed."""
        with self._lock:
            return self._taken_out(why)

    def drain(self) -> list[tuple[Borrower, str]]:
        """The same for all that are parked; those that are lent, or being opened now, are not to be lent again."""
        with self._lock:
            for one in self._holders:
                one.outdated = True
            return self._taken_out(lambda _: "drained")

    def _taken_out(self, why: Callable[[Pooled], str | None]) -> list[tuple[Borrower, str]]:
        over = [(one, reason) for one in self._parked if (reason := why(one)) is not None]
        leaving = []
        for one, reason in over:
            self._parked.remove(one)
            leaving.append((_holder_of(one), reason))
        self._holders.update(borrower for borrower, _ in leaving)
        return leaving

    # ends -----------------------------------------------------------------------------------------------------------

    def open(self) -> None:
        """Grant places again."""
        with self._lock:
            self.closed = False

    def close(self) -> None:
        """Grant nothing more, and let nobody wait in vain."""
        with self._lock:
            self.closed = True
            while self._queue:
                last = self._queue.pop()
                last.turned_away = True
                if last.bell is not None:
                    last.bell.ring()

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
            now = {"parked": len(self._parked), "lent": len(self._lent()), "waiting": len(self._queue)}
            counted = self._counters + Counter(reused=self._reused + sum(one.reused for one in self._holders))
            return now | dict(counted)

    @property
    def connected(self) -> bool:
        """True where there is a session, parked or lent."""
        with self._lock:
            return bool(self._parked or self._lent())

    def tokens(self) -> list[str]:
        """Of the connections that are parked or lent."""
        with self._lock:
            return [one.token for one in self.sessions() if one.token is not None]

    def sessions(self) -> list[Pooled]:
        """Parked and lent, without the lock: after a fork it may be held by a thread that is no more."""
        return [*self._parked, *self._lent()]

    def _lent(self) -> list[Pooled]:
        return [lent for one in tuple(self._holders) if (lent := one.pooled) is not None]

    @property
    def _taken(self) -> int:
        return len(self._parked) + len(self._holders)

    def __str__(
        self,
    ) -> str:  # without the lock too: it may be asked for anywhere, by a debugger or in a signal's handler
        return (
            f"{'closed' if self.closed else 'open'}: {len(self._parked)} parked, {len(self._lent())} lent, "
            f"{len(self._queue)} waiting, {self._taken} of {self.size} places"
        )
