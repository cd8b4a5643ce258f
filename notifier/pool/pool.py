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
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from functools import partial
from itertools import count
from typing import TypeVar

from notifier.errors import DeliveryError, PoolClosed, PoolError, PoolTimeout, RelayFull, RelayUnavailable, Scope
from notifier.model.events import (
    Listener,
    SessionMissed,
    SessionNotOpened,
    SessionOpened,
    SessionParked,
    SessionRetired,
    SessionReused,
    SessionWaited,
    hears_turns,
    ignore,
)
from notifier.model.limits import LATER, PATIENCE
from notifier.pool.bell import Bell
from notifier.pool.config import PoolConfig
from notifier.pool.lending import Lending
from notifier.pool.places import Borrower, LogIn, Places
from notifier.pool.pooled import Pooled
from notifier.pool.slots import KEEP_EVERY, KEEP_TURNS_EVERY, SAY_WITHIN, Slots, Turn
from notifier.pool.upkeep import Upkeep
from notifier.smtp import Endpoint, Quota, Session, Window
from notifier.smtp.session import Ending

# Threads of a child may come at once. Nobody holds this at a fork: it is taken in the first call of a child only.
_AFTER_FORK = threading.Lock()
Kept = TypeVar("Kept")
_WITHOUT_QUIT = frozenset({"doubt", "peer_closed", "said_421"})


class SessionPool:
    """Lends sessions to one endpoint. ``clock`` is monotonic seconds, ``rng`` gives 0 to 1.

    ``slots``: the connections that all replicas may have together. ``upkeep`` False: parked sessions whose time is over are retired by `tend` alone.
    ``transcript``: outcomes hold what was said.
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
        transcript: bool = False,
    ) -> None:
        self.endpoint = endpoint
        self._name = endpoint.name
        self.config = config
        self._given_open_session = open_session
        self._transcript = transcript
        self._clock = clock
        self._rng = rng
        self._tell = listener
        self._hears_turns = hears_turns(listener)
        self._slots = slots
        self._tended = upkeep
        self._begin()
        _pools.add(self)

    def _begin(self, *, closed: bool = False) -> None:
        self._numbers = count(1)
        # One window and one quota for all: a loss on one connection makes the next ones careful (law 9).
        window, quota = Window(self.endpoint.window), Quota(self.config.messages_per_connection)
        self._open_session = self._given_open_session or partial(
            Session.open, window=window, quota=quota, transcript=self._transcript
        )
        self._keep_at = self._keep_turns_at = self._clock()
        if self._slots is not None:
            self._slots.begin()
        self._connecting: dict[str, float] = {}  # tokens whose connection is being made, and since when (monotonic)
        self._fewer_until: float | None = None  # others have the connections that the relay takes
        self._look_at = 0.0  # the next of those who wait looks then
        self._say_at: float | None = None  # what became of connections is said then, if nobody has said it before
        self._hanging_up = False  # a goodbye takes its time: what is to be said meanwhile does not wait for it
        self._upkeep = Upkeep(f"pool {self._name}", self.tend, self._due_in) if self._tended else None
        places = Places(self.config.size)
        places.closed = closed
        self._places = places  # the last: other threads of a child see by its pid that all is new

    def session(self, deadline: float, log_in: LogIn | None = None) -> Lending:
        """Lend a live session until the block ends. ``deadline`` is monotonic seconds, for the place in the pool.
        ``log_in`` is asked where one is to be opened, when it has its turn to connect; what it raises is raised.

        Entering it raises `PoolTimeout`, `PoolClosed`, `RelayFull` where others have all the connections that the relay
        takes, or the `DeliveryError` of a session that could not be opened. An exception in the block retires the
        session: it may stand anywhere in a dialogue.
        """
        lending = Lending()  # and no `__init__`, which would be a call more of each checkout
        lending.lender, lending.deadline, lending.log_in = self, deadline, log_in
        return lending

    # checkout -------------------------------------------------------------------------------------------------------

    def check_out(self, borrower: Borrower, deadline: float) -> Session:
        """For `Lending`: what `session` says."""
        if self._places.pid != os.getpid():
            self._begin_anew_after_a_fork()
        if self._fewer_until is not None and self._clock() >= self._fewer_until:
            self._look_for_more()
        try:
            self._places.ask(borrower)
            while True:
                if not borrower.granted:
                    self._wait(borrower, deadline)
                try:
                    return self._live(borrower)
                except RelayUnavailable as refused:  # of our sessions one will come back: nobody is sent away for that
                    self._make_do(borrower, refused)
        except BaseException:  # no session could be opened, or a signal's exception: the place is not lost
            self._retire(borrower, "doubt")
            raise

    def _live(self, borrower: Borrower) -> Session:
        while (parked := borrower.pooled) is not None:
            if self._clock() < parked.until and parked.session.is_alive():
                borrower.reused = parked.lent = True
                if self._hears_turns():
                    borrower.heard = True
                    self._tell(SessionReused(self._name, parked.number, parked.session.transactions))
                return parked.session
            # Reconnecting is transparent here, and only here: nothing of any mail has been handed over.
            self._close(borrower, self._why_not(parked))
            self._places.exchange(borrower)
        return self._opened(borrower)

    def _make_do(self, borrower: Borrower, refused: RelayUnavailable) -> None:
        """Wait with what this process has; raises ``refused`` where it has nothing."""
        answers = isinstance(refused, RelayFull) or self._places.connected
        if not answers or not self._places.do_with_fewer(borrower):
            raise refused
        self._fewer_until = self._clock() + refused.retry_after

    def _look_for_more(self) -> None:
        self._fewer_until = None
        self._places.do_with_all()

    def _wait(self, borrower: Borrower, deadline: float) -> None:
        """In the queue, until the place is granted."""
        began = time.monotonic()
        missed = self._missed_after(borrower, began, deadline)
        if self._places.leave_queue(borrower):
            self._waited(time.monotonic() - began)
            return
        if borrower.turned_away:
            raise PoolClosed(f"the pool for {self._name} is closed")
        self._places.count("timeouts")
        self._tell(SessionMissed(self._name, time.monotonic() - began))
        raise missed

    def _waited(self, seconds: float) -> None:
        self._places.count("waited")
        self._tell(SessionWaited(self._name, seconds))

    def _missed_after(self, borrower: Borrower, began: float, deadline: float) -> PoolError:
        """What is raised after the wait if no place was granted. Where all places are held by those who have not got through
        to the relay, a worker has other mails to send than to wait for the first of them.
        """
        if (bell := borrower.bell) is not None:
            if self._slots is not None and not self._places.connected:
                first = min(tuple(self._connecting.values()), default=began)  # others have waited for it before us
                bell.wait(max(0.0, min(deadline, first + PATIENCE) - began))
                if not (borrower.granted or borrower.turned_away or self._places.connected):
                    return self._slots.not_answering()
            if not (borrower.granted or borrower.turned_away):
                self._wait_on(borrower, bell, deadline)
        return PoolTimeout(
            f"no session to {self._name} became free in time: all {self.config.size} are in use "
            "(pool= in NOTIFIER_SMTP_URL)"
        )

    def _wait_on(self, borrower: Borrower, bell: Bell, deadline: float) -> None:
        """Where others have the relay's connections, whoever waits looks again whether there is one more: nobody else may
        come who does.
        """
        left = max(0.0, deadline - time.monotonic())
        if self._slots is None:
            bell.wait(left)
            return
        while left > 0 and not (borrower.granted or borrower.turned_away):
            bell.wait(min(left, self._until_next_look()))
            left = deadline - time.monotonic()

    def _until_next_look(self) -> float:
        """Seconds. One place more at a time, for the first in the queue, so that nobody loses his turn by it."""
        if (at := self._fewer_until) is None:
            return LATER  # somebody may be refused meanwhile, and be gone when it is time to look
        # Whoever comes looks for all that there may be, and keeps nobody from a session meanwhile: they are first.
        if (seconds := max(at + LATER, self._look_at) - self._clock()) > 0:
            return seconds
        self._look_at = self._clock() + LATER
        self._places.do_with_one_more()
        return 0.0

    def _why_not(self, parked: Pooled) -> str:
        """The reason to retire a parked session in place of lending it."""
        return parked.why_no_longer(self._clock()) or (parked.session.ending or Ending.DOUBT).value

    def _opened(self, borrower: Borrower) -> Session:
        token = self._turn_to_connect(borrower)
        began = self._clock()
        try:
            session = self._kept(token, self._connected)
            now = self._clock()
            expires = now + self.config.max_age * (0.9 + 0.2 * self._rng())
            borrower.pooled = opened = Pooled(session, expires, os.getpid(), next(self._numbers), token)
        except BaseException as error:
            if isinstance(error, DeliveryError) and error.fault.scope is Scope.ACCOUNT:
                self._forgo(token)  # it was greeted: for the other accounts there the relay is well
            else:
                self._release(token)
            if isinstance(error, DeliveryError):
                self._places.count("not_opened")
                self._tell(SessionNotOpened(self._name, self._clock() - began, str(error.fault)))
            raise
        self._establish(token)
        self._places.count("opened")
        opened.lent = True
        borrower.heard = self._hears_turns()
        self._tell(SessionOpened(self._name, opened.number, session.tls, now - began))
        return session

    def _turn_to_connect(self, borrower: Borrower) -> str | None:
        """And with it to log in."""
        token, waited = self._turn(self._slots) if self._slots is not None else (None, 0.0)
        try:
            if waited:
                self._waited(waited)
            if borrower.log_in is not None:
                self._kept(token, borrower.log_in)
        except BaseException:
            self._forgo(token)
            raise
        return token

    def _connected(self) -> Session:
        return self._open_session(self.endpoint)

    def _kept(self, token: str | None, do: Callable[[], Kept]) -> Kept:
        """What ``do`` gives. Meanwhile it is ours to connect, and others are told so as long as we live."""
        if token is None:
            return do()
        self._connecting[token] = time.monotonic()
        try:
            if self._upkeep is not None:
                self._upkeep.wake()
            return do()
        finally:
            self._connecting.pop(token, None)

    def _turn(self, slots: Slots) -> Turn:
        began = time.monotonic()
        try:
            turn = slots.take()
        except RelayUnavailable:
            self._places.count("refused")
            self._tell(SessionMissed(self._name, time.monotonic() - began, "turn"))
            raise
        self._say_at = None  # all is said
        return turn

    def _establish(self, token: str | None) -> None:
        if token is not None and self._slots is not None:
            self._slots.established(token)
            self._say_soon(self._slots)

    def _release(self, token: str | None) -> None:
        if token is not None and self._slots is not None:
            self._slots.release(token)
            self._say_soon(self._slots)

    def _forgo(self, token: str | None) -> None:
        if token is not None and self._slots is not None:
            self._slots.forgo(token)
            self._say_soon(self._slots)

    def _say_soon(self, slots: Slots) -> None:
        """With the next question, or after a while by the thread that looks after sessions, in the way of no mail; at once where
        that may not come to it any more.
        """
        if self._say_at is None:
            self._say_at = self._clock() + SAY_WITHIN
        if self._upkeep is None or self._hanging_up or self._places.closed or not self._upkeep.hurry():
            slots.say()

    # return ---------------------------------------------------------------------------------------------------------

    def take_back(self, borrower: Borrower, *, sound: bool) -> None:
        """For `Lending`: keep the session for the next, or retire it."""
        try:
            if (lent := borrower.pooled) is not None and lent.pid != os.getpid():
                lent.session.abandon()  # lent before a fork: the parent has it too, and has a place for it
            elif (reason := self._parked(borrower) if sound else "doubt") is not None:
                self._retire(borrower, reason)
            elif (upkeep := self._upkeep) is not None and upkeep.thread is None:
                upkeep.wake()
        except BaseException:
            self._retire(borrower, "doubt")
            raise

    def _parked(self, borrower: Borrower) -> str | None:
        """None where it is parked; else the reason to retire it."""
        if (lent := borrower.pooled) is None:
            return None
        if (reason := lent.why_not_again(self.config, self._clock())) is not None:
            return reason
        lent.lent = False  # before it is parked: then it may be somebody else's at once
        if (reason := self._places.park(borrower)) is not None:
            lent.lent = True
        elif borrower.heard:
            self._tell(SessionParked(self._name, lent.number))
        return reason

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
        if self._slots is not None:
            self._say_at = None
            self._slots.say()
            self._keep_what_is_due(self._slots, now)
        if leaving := self._places.take_out(lambda parked: parked.why_no_longer(now)):
            self._hang_up(leaving)

    def _hang_up(self, leaving: Sequence[tuple[Borrower, str]]) -> None:
        self._hanging_up = True
        try:
            if self._slots is not None:
                self._slots.say()  # what others have left to this thread a moment ago
            self._retire_all(leaving)
        finally:
            self._hanging_up = False

    def _keep_what_is_due(self, slots: Slots, now: float) -> None:
        if now >= self._keep_turns_at:
            self._keep_turns_at = now + KEEP_TURNS_EVERY
            slots.keep_turns(tuple(self._connecting))
        if now >= self._keep_at:
            self._keep_at = now + KEEP_EVERY
            self._keep(slots, self._places.tokens())

    def _keep(self, slots: Slots, tokens: Sequence[str]) -> None:
        slots.keep(tokens)
        for token in set(tokens).difference(self._places.tokens()):  # closed meanwhile: its release may have come first
            self._release(token)

    def _due_in(self) -> float | None:
        now = self._clock()
        if self._slots is not None and self._slots.has_unsaid:
            return (self._say_at or now + SAY_WITHIN) - now
        due = self._places.next_due(if_parked_now=now + self.config.max_idle)
        if due is None:
            return None
        if self._slots is not None:  # somebody may begin to connect while the thread sleeps
            due = min(due, self._keep_at, self._keep_turns_at)
        return due - now

    def _retire_all(self, leaving: Sequence[tuple[Borrower, str]]) -> None:
        """One that fails does not keep the others."""
        with ExitStack() as stack:
            for borrower, reason in reversed(leaving):  # the last one in is the first one out
                stack.callback(self._retire, borrower, reason)

    def _retire(self, borrower: Borrower, reason: str) -> None:
        """Close the session, if there is one, and free the place then, not before: the bound holds."""
        try:
            self._close(borrower, reason)
        finally:
            self._places.free(borrower)

    def _close(self, borrower: Borrower, reason: str) -> None:
        if (one := borrower.pooled) is None:
            return
        if one.pid != os.getpid():  # forked in the middle of a checkout: the parent has it too, and its place
            borrower.pooled = None
            one.session.abandon()
            return
        one.session.close(say_quit=reason not in _WITHOUT_QUIT)
        borrower.pooled = None
        self._release(one.token)
        self._retired(one, reason)

    def _retired(self, one: Pooled, reason: str) -> None:
        self._places.count(f"retired_{reason}")
        self._tell(SessionRetired(self._name, one.number, reason, one.session.transactions, one.lent))

    # forks ----------------------------------------------------------------------------------------------------------

    def _abandon_all(self) -> None:
        """In a child: close the parent's descriptors and write nothing on them, for the parent goes on with them."""
        for one in self._places.sessions():
            one.session.abandon()
            _left_to_the_parent.append(one)

    def _begin_anew_after_a_fork(self) -> None:
        """In a child, at the first call that it makes: listeners are told now, and not in the middle of the fork."""
        if self._places.pid == os.getpid():
            return
        with _AFTER_FORK:
            if self._places.pid == os.getpid():
                return
            inherited, closed = self._places.sessions(), self._places.closed
            # Before other threads have the new places. Mostly the hook below has done it; not every fork runs hooks.
            for one in inherited:
                one.session.abandon()
            self._begin(closed=closed)
        for one in inherited:
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
        self._retire_all(self._places.drain())

    def close(self, grace: float = 0.0) -> None:
        """Lend nothing more, say QUIT to parked sessions, wait up to ``grace`` seconds for lent ones.

        Those that are still out are closed when they come back.
        """
        self._begin_anew_after_a_fork()
        self._places.close()
        self._retire_all(self._places.take_out(lambda _: "closed"))
        if self._slots is not None:
            self._slots.say()
        self._places.wait_until_empty(grace)

    # looking --------------------------------------------------------------------------------------------------------

    @property
    def connected(self) -> bool:
        """True where this process has a session."""
        self._begin_anew_after_a_fork()
        return self._places.connected

    def stats(self) -> Mapping[str, int]:
        """Flat counters: parked, lent, waiting now; opened, not_opened, reused, waited, timeouts, refused (a turn to connect)
        and retired_… since the start.
        """
        self._begin_anew_after_a_fork()
        return self._places.stats()

    def __repr__(self) -> str:
        return f"<SessionPool {self._name} {self._places}>"


_pools: weakref.WeakSet[SessionPool] = weakref.WeakSet()
# Kept for ever: to free a TLS connection takes locks that another thread of the parent may have held at the fork.
_left_to_the_parent: list[Pooled] = []


def _leave_sessions_to_the_parent() -> None:
    """At once, and not when the child first uses its pool: perhaps it never does, and a connection that the parent
    closes lives on, for the relay, while a child has a descriptor of it.
    """
    for pool in list(_pools):
        pool._abandon_all()


os.register_at_fork(after_in_child=_leave_sessions_to_the_parent)
