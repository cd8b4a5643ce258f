"""`SessionPool`: bounded, fork-safe, reconnecting. It lends sessions and never sends a mail again.

Decide under the lock, act outside it: connecting, saying QUIT and telling listeners take time and may fail, so the
locked parts below only choose. Each is marked as a critical section. Waiters are served first come first served, and a
place is handed to its waiter, so none is lost to one that has given up.
"""

from __future__ import annotations

import os
import random
import threading
import time
from collections import Counter, deque
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial

from notifier.errors import PoolClosed, PoolTimeout
from notifier.model.events import Event, Listener, SessionOpened, SessionRetired, SessionReused, ignore
from notifier.pool.config import PoolConfig
from notifier.smtp import Endpoint, Session, Window


@dataclass(slots=True)
class _Parked:
    """A session at rest, or lent. Times are of the pool's clock."""

    session: Session
    expires: float
    parked_at: float = 0.0


@dataclass(slots=True, eq=False)
class _Waiter:
    """Somebody in the queue. ``granted`` under the lock: a place is theirs, with a parked session or without."""

    event: threading.Event = field(default_factory=threading.Event)
    granted: bool = False
    parked: _Parked | None = None


class SessionPool:
    """Lends sessions to one endpoint. ``clock`` is monotonic seconds, ``rng`` gives 0 to 1."""

    def __init__(
        self,
        endpoint: Endpoint,
        config: PoolConfig = PoolConfig(),  # noqa: B008 - frozen
        *,
        open_session: Callable[[Endpoint], Session] | None = None,
        clock: Callable[[], float] = time.monotonic,
        rng: Callable[[], float] = random.random,
        listener: Listener = ignore,
    ) -> None:
        self.endpoint = endpoint
        self.config = config
        # One window for all: a loss on one connection makes the next ones careful (law 9).
        self._open_session = open_session or partial(Session.open, window=Window(endpoint.window))
        self._clock = clock
        self._rng = rng
        self._listener = listener
        self._start()

    def _start(self) -> None:
        self._pid = os.getpid()
        self._lock = threading.Lock()
        self._idle = threading.Condition(self._lock)
        self._parked: deque[_Parked] = deque()  # the most recently used at the right
        self._lent: dict[int, _Parked] = {}
        self._places = 0  # parked, lent, and being opened
        self._waiters: deque[_Waiter] = deque()
        self._counters: Counter[str] = Counter()
        self._closed = False

    @contextmanager
    def session(self, deadline: float) -> Iterator[Session]:
        """Lend a live session until the block ends. ``deadline`` is monotonic seconds, for the place in the pool.

        Raises `PoolTimeout`, `PoolClosed`, or the `DeliveryError` of a session that could not be opened. An exception
        in the block retires the session: it may stand anywhere in a dialogue.
        """
        lent = self._checkout(deadline)
        try:
            yield lent.session
        except BaseException:
            self._give_back(lent, sound=False)
            raise
        self._give_back(lent, sound=True)

    # checkout -------------------------------------------------------------------------------------------------------

    def _checkout(self, deadline: float) -> _Parked:
        self._leave_parents_sessions()
        while True:
            parked, retired = self._take_place(deadline)
            self._retire(retired)
            if parked is None:
                return self._opened()
            if parked.session.is_alive():
                self._tell(SessionReused(self.endpoint.name, parked.session.transactions))
                return parked
            # Reconnecting is transparent here, and only here: nothing of any mail has been handed over.
            self._release_place(parked)
            self._retire([(parked, "peer_closed")])

    def _take_place(self, deadline: float) -> tuple[_Parked | None, list[tuple[_Parked, str]]]:
        """A place, with a parked session where one is fit; waits in the queue while there is none."""
        with self._lock:  # critical section: choose
            if self._closed:
                raise PoolClosed(f"the pool for {self.endpoint.name} is closed")
            retired = self._expired()
            if not self._waiters and (place := self._free_place()) is not None:
                return place.parked, retired
            waiter = _Waiter()
            self._waiters.append(waiter)
            self._counters["waited"] += 1
        self._retire(retired)
        waiter.event.wait(max(0.0, deadline - time.monotonic()))
        with self._lock:  # critical section: accept the place, or leave the queue
            if waiter.granted:
                return waiter.parked, []
            if waiter in self._waiters:
                self._waiters.remove(waiter)
            if self._closed:
                raise PoolClosed(f"the pool for {self.endpoint.name} was closed meanwhile")
            self._counters["timeouts"] += 1
        raise PoolTimeout(
            f"no session to {self.endpoint.name} became free in time: all {self.config.size} are in use "
            "(pool= in NOTIFIER_SMTP_URL)"
        )

    def _free_place(self) -> _Waiter | None:
        """Under the lock: the freshest parked session, or room for a new one."""
        if self._parked:
            parked = self._parked.pop()
            self._lent[id(parked)] = parked
            self._counters["reused"] += 1
            return _Waiter(granted=True, parked=parked)
        if self._places < self.config.size:
            self._places += 1
            return _Waiter(granted=True)
        return None

    def _opened(self) -> _Parked:
        began = self._clock()
        try:
            session = self._open_session(self.endpoint)
        except BaseException:
            self._release_place(None)
            raise
        now = self._clock()
        spread = 0.9 + 0.2 * self._rng()
        lent = _Parked(session, expires=now + self.config.max_age * spread)
        with self._lock:  # critical section: it is ours now
            self._lent[id(lent)] = lent
            self._counters["opened"] += 1
        self._tell(SessionOpened(self.endpoint.name, session.tls, now - began))
        return lent

    # return ---------------------------------------------------------------------------------------------------------

    def _give_back(self, lent: _Parked, *, sound: bool) -> None:
        if self._pid != os.getpid():
            lent.session.abandon()  # lent before a fork: the parent has it too
            return
        reason = self._why_not_again(lent, sound=sound)
        if reason is not None:
            self._retire([(lent, reason)])  # outside the lock, and before its place is free: the bound holds
            self._release_place(lent)
            return
        with self._lock:  # critical section: park, or hand to the first waiter
            self._lent.pop(id(lent), None)
            lent.parked_at = self._clock()
            self._parked.append(lent)
            expired = self._expired()
            self._serve_waiters()
            self._idle.notify_all()
        self._retire(expired)

    def _why_not_again(self, lent: _Parked, *, sound: bool) -> str | None:
        if not sound or not lent.session.usable:
            return "doubt"
        if lent.session.transactions >= self.config.messages_per_connection or lent.session.spent:
            return "uses"
        if self._clock() >= lent.expires:
            return "age"
        return "closed" if self._closed else None

    def _release_place(self, lent: _Parked | None) -> None:
        with self._lock:  # critical section: the place is free
            if lent is not None:
                self._lent.pop(id(lent), None)
            self._places -= 1
            self._serve_waiters()
            self._idle.notify_all()

    def _serve_waiters(self) -> None:
        """Under the lock: hand places to waiters, first come first served."""
        while self._waiters and not self._closed and (place := self._free_place()) is not None:
            waiter = self._waiters.popleft()
            waiter.granted, waiter.parked = True, place.parked
            waiter.event.set()

    # upkeep ---------------------------------------------------------------------------------------------------------

    def _expired(self) -> list[tuple[_Parked, str]]:
        """Under the lock: take out parked sessions whose time is over.

        Done at each checkout and return rather than by a thread: a thread would have to survive forks, and a session
        that nobody asks for is closed by the relay soon enough.
        """
        now = self._clock()
        gone: list[tuple[_Parked, str]] = []
        for parked in list(self._parked):
            idle = now - parked.parked_at >= self.config.max_idle
            if idle or now >= parked.expires:
                self._parked.remove(parked)
                self._places -= 1
                gone.append((parked, "idle" if idle else "age"))
        return gone

    def _retire(self, sessions: list[tuple[_Parked, str]]) -> None:
        """Say goodbye, outside the lock."""
        for parked, reason in sessions:
            with self._lock:
                self._counters[f"retired_{reason}"] += 1
            parked.session.close(say_quit=reason != "doubt")
            self._tell(SessionRetired(self.endpoint.name, reason, parked.session.transactions))

    def _leave_parents_sessions(self) -> None:
        """In a forked child: close the descriptors and write nothing on them; begin anew."""
        if self._pid == os.getpid():
            return
        inherited = [*self._parked, *self._lent.values()]
        self._start()
        for parked in inherited:
            parked.session.abandon()

    # ends -----------------------------------------------------------------------------------------------------------

    def drain(self) -> None:
        """Retire every parked session; lent ones go on."""
        self._leave_parents_sessions()
        with self._lock:  # critical section: take them out
            gone = [(parked, "closed") for parked in self._parked]
            self._places -= len(gone)
            self._parked.clear()
            self._serve_waiters()
        self._retire(gone)

    def close(self, grace: float = 0.0) -> None:
        """Lend nothing more, say QUIT to parked sessions, wait up to ``grace`` seconds for lent ones.

        Those that are still out are closed when they come back.
        """
        self._leave_parents_sessions()
        with self._lock:  # critical section: nobody waits in vain
            self._closed = True
            for waiter in self._waiters:
                waiter.event.set()
            self._waiters.clear()
        self.drain()
        with self._idle:
            self._idle.wait_for(lambda: self._places == 0, timeout=grace)

    # looking --------------------------------------------------------------------------------------------------------

    def stats(self) -> Mapping[str, int]:
        """Flat counters: parked, lent, waiting now; opened, reused, waited, timeouts and retired_… since the start."""
        with self._lock:
            return {
                "parked": len(self._parked),
                "lent": len(self._lent),
                "waiting": len(self._waiters),
                **self._counters,
            }

    def __repr__(self) -> str:
        state = "closed" if self._closed else "open"
        return (
            f"<SessionPool {self.endpoint.name} {state}: {len(self._parked)} parked, {len(self._lent)} lent, "
            f"{len(self._waiters)} waiting, {self._places} of {self.config.size} places>"
        )

    def _tell(self, event: Event) -> None:
        self._listener(event)
