"""Real threads on one pool: what the state machine shows step by step holds when all happens at once."""

from __future__ import annotations

import random
import sys
import threading
import time
from collections import Counter
from collections.abc import Iterator

import pytest
from fake_relay import RELAY, Clock, FakeRelay, FakeSession, pool_of, soon

from notifier.errors import PoolClosed, PoolTimeout
from notifier.model.events import (
    Event,
    SessionMissed,
    SessionNotOpened,
    SessionOpened,
    SessionParked,
    SessionRetired,
    SessionReused,
    SessionWaited,
)
from notifier.pool import SessionPool
from notifier.smtp import Endpoint

SIZE, CLIENTS, ROUNDS = 4, 16, 150
CHANCE = random.Random(4)  # noqa: S311 - threads take from it in any order, so that no two runs are alike


@pytest.fixture(autouse=True)
def quick_switches() -> Iterator[None]:
    """Threads change places five hundred times as often as they would."""
    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-5)
    yield
    sys.setswitchinterval(before)


class SlowGoodbye(FakeSession):
    """The relay sees it until it has been closed, and that takes a moment."""

    def close(self, *, say_quit: bool = True) -> None:
        time.sleep(0)
        super().close(say_quit=say_quit)


class MoodyRelay(FakeRelay):
    """Refuses some, and may close a session while it is parked."""

    session_type = SlowGoodbye

    def __call__(self, endpoint: Endpoint) -> FakeSession:
        if CHANCE.random() < 0.1:
            raise ConnectionRefusedError
        return super().__call__(endpoint)

    def close_some(self) -> None:
        for session in self.connected:
            session.alive = session.alive and CHANCE.random() < 0.9


class Crowd:
    """Clients that borrow, break, fail and lose patience; a session that has two owners at once is told."""

    def __init__(self, pool: SessionPool) -> None:
        self.pool = pool
        self.came_to: Counter[str] = Counter()
        self.wrong: list[str] = []
        self._owned: dict[int, threading.Lock] = {}
        self._lock = threading.Lock()

    def client(self) -> None:
        for _ in range(ROUNDS):
            try:
                self.borrow(CHANCE.choice([0.0, 0.001, 5.0]))
            except (PoolTimeout, PoolClosed, ConnectionRefusedError, LookupError) as error:
                self.note(type(error).__name__)
            except BaseException as error:  # noqa: BLE001 - told in the test's thread
                self.wrong.append(repr(error))

    def borrow(self, patience: float) -> None:
        with self.pool.session(soon(patience)) as session:
            assert isinstance(session, FakeSession)
            with self._lock:
                owned = self._owned.setdefault(session.number, threading.Lock())
            if not owned.acquire(blocking=False):
                self.wrong.append(f"session {session.number} has two owners")
                return
            try:
                self.use(session)
            finally:
                owned.release()
        self.note("lent")

    def use(self, session: FakeSession) -> None:
        if session.said:
            self.wrong.append(f"session {session.number} was lent after its end")
        session.transactions += 1
        time.sleep(0)  # others come in
        mood = CHANCE.random()
        session.usable = session.usable and mood > 0.05
        if mood > 0.95:
            raise LookupError

    def note(self, what: str) -> None:
        with self._lock:
            self.came_to[what] += 1


@pytest.mark.long
def test_bounds_owners_counters_and_events_hold_while_all_happens_at_once() -> None:
    relay, events = MoodyRelay(most=SIZE), list[Event]()
    pool = pool_of(relay, Clock(), events.append, size=SIZE, messages_per_connection=20)
    crowd = Crowd(pool)
    threads = [threading.Thread(target=crowd.client) for _ in range(CLIENTS)]
    for thread in threads:
        thread.start()
    while any(thread.is_alive() for thread in threads):
        for trouble in (pool.drain, pool.tend, pool.close, pool.open, relay.close_some):
            trouble()
            stats = pool.stats()
            assert stats["parked"] + stats["lent"] <= SIZE
            threads[0].join(0.001)
    for thread in threads:
        thread.join()
    assert crowd.wrong == []
    assert crowd.came_to.total() == CLIENTS * ROUNDS, "everybody was served, or told why not"
    check_that_it_adds_up(pool, relay, events, crowd.came_to)


def of(events: list[Event], kind: type[SessionRetired]) -> list[SessionRetired]:
    return [event for event in events if isinstance(event, kind)]


def check_that_it_adds_up(pool: SessionPool, relay: FakeRelay, events: list[Event], came_to: Counter[str]) -> None:
    stats = dict(pool.stats())
    told: Counter[str] = Counter()
    names = {
        SessionOpened: "opened",
        SessionNotOpened: "not_opened",
        SessionReused: "reused",
        SessionParked: "parked again",
        SessionWaited: "waited",
        SessionMissed: "timeouts",
    }
    for event in events:
        told[f"retired_{event.reason}" if isinstance(event, SessionRetired) else names[type(event)]] += 1  # type: ignore[index]
    assert (stats["lent"], stats["waiting"]) == (0, 0)
    assert stats["parked"] == len(relay.connected)
    lent = (
        told["opened"] + told["reused"] - told.pop("parked again") - sum(one.lent for one in of(events, SessionRetired))
    )
    assert lent == 0, "whoever listens knows what is lent and what is parked"
    assert {name: stats.get(name, 0) for name in told} == told
    assert stats["opened"] == len(relay.sessions)
    assert stats.get("timeouts", 0) == came_to["PoolTimeout"]
    assert f"{stats['parked']} of {SIZE} places" in repr(pool), "no place is lost"


def test_whoever_came_first_is_served_first_though_others_push_in() -> None:
    """Threads that come without end, while those that wait are known by the order of their coming."""
    pool, served = pool_of(FakeRelay(most=1), Clock(), lambda _: None, size=1), list[int]()
    ends = threading.Event()

    def push_in() -> None:
        while not ends.is_set():
            with pool.session(soon(60)):
                pass

    def wait(number: int) -> None:
        with pool.session(soon(60)):
            served.append(number)

    crowd = [threading.Thread(target=push_in) for _ in range(4)]
    with pool.session(soon()):
        patient = []
        for number in range(20):
            patient.append(threading.Thread(target=wait, args=(number,)))
            patient[-1].start()
            while pool.stats()["waiting"] <= number:
                time.sleep(0.0005)
        for thread in crowd:
            thread.start()
    for thread in patient:
        thread.join(60)
    ends.set()
    for thread in crowd:
        thread.join(60)
    assert served == list(range(20))
    assert RELAY.name in repr(pool)
