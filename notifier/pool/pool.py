"""`SessionPool`: bounded, fork-safe, reconnecting. It lends sessions and never sends a mail again.

`Places` decides under its lock; here it is acted on, outside of any lock: connecting, saying QUIT and telling listeners
take time and may fail. Whatever fails, the place goes on to the next.
"""

from __future__ import annotations

import os
import random
import threading
import time
import weakref
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from functools import partial
from itertools import count

from notifier.errors import DeliveryError, PoolClosed, PoolTimeout
from notifier.model.events import (
    Listener,
    SessionMissed,
    SessionNotOpened,
    SessionOpened,
    SessionRetired,
    SessionReused,
    SessionWaited,
    ignore,
)
from notifier.pool.config import PoolConfig
from notifier.pool.places import Places
from notifier.pool.pooled import Pooled
from notifier.pool.slots import KEEP_EVERY, Slots
from notifier.pool.upkeep import Upkeep
from notifier.smtp import Endpoint, Session, Window
from notifier.smtp.session import Ending

# Threads of a child may come at once. Nobody holds this at a fork: it is taken in the first call of a child only.
_AFTER_FORK = threading.Lock()
_WITHOUT_QUIT = frozenset({"doubt", "peer_closed", "said_421"})


class SessionPool:
    """Lends sessions to one endpoint. ``clock`` is monotonic seconds, ``rng`` gives 0 to 1.

    ``slots``: the connections that all replicas may have together. ``upkeep`` False: parked sessions whose time is over are retired by `tend` alone.
    """

    def __init__(
        self,
        endpoint: Endpoint,
        config: PoolConfig = PoolConfig(),  # noqa: B008 - frozen
        *,
        open_session: Callable[[Endpoint], Session] | None = None,
        clock: Callable[[], float] = time.monotonic,
        rng: Callable[[], float] = random.random,
        listener: Listener = ignore,
        slots: Slots | None = None,
        upkeep: bool = True,
    ) -> None:
        self.endpoint = endpoint
        self.config = config
        # One window for all: a loss on one connection makes the next ones careful (law 9).
        self._open_session = open_session or partial(Session.open, window=Window(endpoint.window))
        self._clock = clock
        self._rng = rng
        self._tell = listener
        self._slots = slots
        self._tended = upkeep
        self._begin()
        _pools.add(self)

    def _begin(self) -> None:
        self._numbers = count(1)
        self._places = Places(self.config.size)
        self._keep_at = self._clock()
        self._upkeep = Upkeep(f"pool {self.endpoint.name}", self.tend, self._due_in) if self._tended else None

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

    def _checkout(self, deadline: float) -> Pooled:
        self._begin_anew_after_a_fork()
        lent = self._take_place(deadline)
        try:
            while lent is not None and (reason := self._why_not(lent)) is not None:
                # Reconnecting is transparent here, and only here: nothing of any mail has been handed over.
                self._close(lent, reason)
                lent = self._places.exchange(lent)
            if lent is None:
                return self._opened()
            self._places.count("reused")
            self._tell(SessionReused(self.endpoint.name, lent.number, lent.session.transactions))
        except BaseException:  # no session could be opened, or a signal's exception: the place is not lost
            self._undo(lent)
            raise
        return lent

    def _take_place(self, deadline: float) -> Pooled | None:
        """A place, with the freshest parked session or empty; in the queue while there is none."""
        waiter = self._places.ask()
        if waiter.granted:
            return waiter.pooled
        began = time.monotonic()
        try:
            waiter.event.wait(max(0.0, deadline - began))
        except BaseException:  # a signal's exception, such as a task's time limit, while waiting
            if self._places.leave_queue(waiter):
                self._undo(waiter.pooled)
            raise
        if self._places.leave_queue(waiter):
            self._tell(SessionWaited(self.endpoint.name, time.monotonic() - began))
            return waiter.pooled
        if self._places.closed:
            raise PoolClosed(f"the pool for {self.endpoint.name} is closed")
        self._places.count("timeouts")
        self._tell(SessionMissed(self.endpoint.name, time.monotonic() - began))
        raise PoolTimeout(
            f"no session to {self.endpoint.name} became free in time: all {self.config.size} are in use "
            "(pool= in NOTIFIER_SMTP_URL)"
        )

    def _why_not(self, lent: Pooled) -> str | None:
        """The reason to retire a parked session in place of lending it."""
        reason = lent.why_no_longer(self.config, self._clock())
        if reason is None and not lent.session.is_alive():
            reason = (lent.session.ending or Ending.DOUBT).value
        return reason

    def _opened(self) -> Pooled:
        began = self._clock()
        try:
            session, token = self._connected()
        except DeliveryError as error:
            self._places.count("not_opened")
            self._tell(SessionNotOpened(self.endpoint.name, self._clock() - began, str(error.fault)))
            raise
        now = self._clock()
        expires = now + self.config.max_age * (0.9 + 0.2 * self._rng())
        lent = Pooled(session, expires, os.getpid(), next(self._numbers), token=token)
        self._places.lend(lent)
        if token is not None and self._upkeep is not None:
            self._upkeep.wake()
        self._places.count("opened")
        self._tell(SessionOpened(self.endpoint.name, lent.number, session.tls, now - began))
        return lent

    def _connected(self) -> tuple[Session, str | None]:
        if self._slots is None:
            return self._open_session(self.endpoint), None
        token = self._slots.take()
        try:
            session = self._open_session(self.endpoint)
        except BaseException:
            self._slots.release(token)
            raise
        self._slots.established(token)
        return session, token

    def _undo(self, lent: Pooled | None) -> None:
        if lent is None:
            self._places.free(None)
        else:
            self._retire([(lent, "doubt")])

    # return ---------------------------------------------------------------------------------------------------------

    def _give_back(self, lent: Pooled, *, sound: bool) -> None:
        if lent.pid != os.getpid():
            lent.session.abandon()  # lent before a fork: the parent has it too, and has a place for it
            return
        now = self._clock()
        reason = lent.why_not_again(self.config, now) if sound else "doubt"
        if reason is None and not self._places.park(lent, now):
            reason = "closed"
        if reason is not None:
            self._retire([(lent, reason)])
        elif self._upkeep is not None:
            self._upkeep.wake()

    def too_many(self, *, greeting: bool) -> int:
        """The relay says that it has too many connections, or gets too much mail: all replicas make do with fewer.

        Returns how many connections it has from all of them; 0 where nobody counts.
        """
        return self._slots.too_many(greeting=greeting) if self._slots is not None else 0

    # upkeep ---------------------------------------------------------------------------------------------------------

    def tend(self) -> None:
        """Retire parked sessions whose time is over, and keep the slots of the others."""
        self._begin_anew_after_a_fork()
        now = self._clock()
        if self._slots is not None and now >= self._keep_at:
            self._keep_at = now + KEEP_EVERY
            self._slots.keep(self._places.tokens())
        self._retire(self._places.take_out(lambda parked: parked.why_no_longer(self.config, now)))

    def _due_in(self) -> float | None:
        dues = [self._keep_at] if self._slots is not None and self._places.tokens() else []
        if (due := self._places.next_due(self.config)) is not None:
            dues.append(due)
        return min(dues) - self._clock() if dues else None

    def _retire(self, sessions: Iterable[tuple[Pooled, str]]) -> None:
        """Close each and free its place then, not before: the bound holds. One that fails does not keep the others."""
        with ExitStack() as stack:
            for one, reason in sessions:
                stack.callback(self._places.free, one)
                stack.callback(self._close, one, reason)

    def _close(self, one: Pooled, reason: str) -> None:
        one.session.close(say_quit=reason not in _WITHOUT_QUIT)
        if one.token is not None and self._slots is not None:
            self._slots.release(one.token)
        self._retired(one, reason)

    def _retired(self, one: Pooled, reason: str) -> None:
        self._places.count(f"retired_{reason}")
        self._tell(SessionRetired(self.endpoint.name, one.number, reason, one.session.transactions))

    # forks ----------------------------------------------------------------------------------------------------------

    def _abandon_all(self) -> None:
        """In a child: close the parent's descriptors and write nothing on them, for the parent goes on with them."""
        for one in self._places.sessions():
            one.session.abandon()

    def _begin_anew_after_a_fork(self) -> None:
        """In a child, at the first call that it makes: listeners are told now, and not in the middle of the fork."""
        if self._places.pid == os.getpid():
            return
        with _AFTER_FORK:
            if self._places.pid == os.getpid():
                return
            inherited, closed = self._places.sessions(), self._places.closed
            self._begin()
            self._places.closed = closed
        for one in inherited:
            one.session.abandon()
            self._retired(one, "fork")

    # ends -----------------------------------------------------------------------------------------------------------

    def open(self, warm: int = 0, *, deadline: float | None = None) -> None:
        """Lend sessions (again, after `close`), and connect ``warm`` of them ahead, by ``deadline`` (monotonic).

        A pool is open from the start; nothing is connected before it is wanted. Raises as `session` does.
        """
        self._begin_anew_after_a_fork()
        self._places.open()
        deadline = time.monotonic() + self.endpoint.timeouts.connect if deadline is None else deadline
        with ExitStack() as stack:
            for _ in range(min(warm, self.config.size)):
                stack.enter_context(self.session(deadline))

    def drain(self) -> None:
        """Retire every parked session; lent ones go on, and are retired when they come back."""
        self._begin_anew_after_a_fork()
        self._places.outdate()
        self._retire(self._places.take_out(lambda _: "drained"))

    def close(self, grace: float = 0.0) -> None:
        """Lend nothing more, say QUIT to parked sessions, wait up to ``grace`` seconds for lent ones.

        Those that are still out are closed when they come back.
        """
        self._begin_anew_after_a_fork()
        self._places.close()
        self._retire(self._places.take_out(lambda _: "closed"))
        self._places.wait_until_empty(grace)

    # looking --------------------------------------------------------------------------------------------------------

    def stats(self) -> Mapping[str, int]:
        """Flat counters: parked, lent, waiting now; opened, not_opened, reused, waited, timeouts and retired_… since the
        start.
        """
        self._begin_anew_after_a_fork()
        return self._places.stats()

    def __repr__(self) -> str:
        return f"<SessionPool {self.endpoint.name} {self._places}>"


_pools: weakref.WeakSet[SessionPool] = weakref.WeakSet()


def _leave_sessions_to_the_parent() -> None:
    """At once, and not when the child first uses its pool: perhaps it never does, and a connection that the parent
    closes lives on, for the relay, while a child has a descriptor of it.
    """
    for pool in list(_pools):
        pool._abandon_all()


os.register_at_fork(after_in_child=_leave_sessions_to_the_parent)
