from __future__ import annotations

import ctypes
import os
import signal
import threading
import time

import pytest
from fake_relay import RELAY, Clock, FakeRelay, FakeSession, make, pool_of, soon

from notifier.errors import DeliveryError, Phase, PoolClosed, PoolTimeout, fault_error
from notifier.model.events import (
    Event,
    SessionMissed,
    SessionNotOpened,
    SessionOpened,
    SessionParked,
    SessionRetired,
    SessionReused,
    ignore,
)
from notifier.pool import PoolConfig, SessionPool
from notifier.protocol import taxonomy
from notifier.smtp import Endpoint


def test_a_session_is_reused() -> None:
    pool, relay, _, events = make()
    for _ in range(3):
        with pool.session(soon()) as session:
            session.transactions += 1
    assert len(relay.sessions) == 1
    assert [type(event).__name__ for event in events] == [
        "SessionOpened",
        *["SessionParked", "SessionReused"] * 2,
        "SessionParked",
    ]
    assert pool.stats() == {"parked": 1, "lent": 0, "waiting": 0, "opened": 1, "reused": 2}
    assert repr(pool) == "<SessionPool relay.example:25 open: 1 parked, 0 lent, 0 waiting, 1 of 4 places>"


def test_a_loan_is_for_one_block() -> None:
    pool, relay, _, _ = make()
    loan = pool.session(soon())
    with loan:
        pass
    with pytest.raises(RuntimeError, match="ask the pool for another one"), loan:
        pass
    assert (len(relay.sessions), pool.stats()["parked"], pool.stats()["lent"]) == (1, 1, 0)


def test_a_loan_that_was_not_granted_is_over_as_well() -> None:
    pool, _, _, _ = make(size=1)
    late, early = pool.session(soon(0.0)), pool.session(soon())
    with pool.session(soon()), pytest.raises(PoolTimeout), late:
        pass
    pool.close()
    with pytest.raises(PoolClosed), early:
        pass
    pool.open()
    for loan in (late, early):
        with pytest.raises(RuntimeError, match="was entered before"), loan:
            pass
    assert pool.stats()["lent"] == 0


class Listening:
    """A listener that can be asked whether it wants what there is one of for each checkout."""

    def __init__(self) -> None:
        self.heard: list[str] = []
        self.wants_turns = False

    def __call__(self, event: Event, /) -> None:
        self.heard.append(type(event).__name__)

    def hears_turns(self) -> bool:
        return self.wants_turns


def test_a_listener_that_hears_no_turns_is_told_the_rest_and_one_that_begins_to_listen_hears_whole_loans() -> None:
    listener = Listening()
    pool = pool_of(FakeRelay(), Clock(), listener)
    for _ in range(2):
        with pool.session(soon()):
            listener.wants_turns = True
        listener.wants_turns = False
    assert listener.heard == ["SessionOpened"]
    listener.wants_turns = True
    with pool.session(soon()):
        listener.wants_turns = False
    pool.drain()
    assert listener.heard == ["SessionOpened", "SessionReused", "SessionParked", "SessionRetired"]
    assert pool.stats()["reused"] == 2


@pytest.mark.parametrize(
    ("bounds", "seconds", "mails", "reason"),
    [
        ({"max_idle": 10}, 10.0, 1, "idle"),
        ({"max_age": 20, "max_idle": 100}, 20.0, 1, "age"),
        ({"messages_per_connection": 2}, 0.0, 2, "uses"),
    ],
)
def test_a_session_whose_time_is_over_is_retired_with_its_reason(
    bounds: dict[str, float], seconds: float, mails: int, reason: str
) -> None:
    pool, relay, clock, events = make(**bounds)
    with pool.session(soon()) as session:
        session.transactions += mails
    clock.now += seconds
    with pool.session(soon()):
        pass
    assert len(relay.sessions) == 2
    assert relay.sessions[0].said == ["QUIT"]
    assert [event.reason for event in events if isinstance(event, SessionRetired)] == [reason]


@pytest.mark.parametrize(("drawn", "age"), [(0.0, 18.0), (0.5, 20.0), (1.0, 22.0)])
def test_sessions_that_were_opened_together_are_not_all_replaced_together(drawn: float, age: float) -> None:
    """Each is given its age with a tenth more or less, by lot."""
    clock, relay = Clock(), FakeRelay()
    pool = pool_of(relay, clock, ignore, rng=lambda: drawn, max_age=20, max_idle=100)
    opened = []
    for seconds in (0.0, age - 0.1, 0.2):
        clock.now += seconds
        with pool.session(soon()):
            opened.append(len(relay.sessions))
    assert opened == [1, 1, 2]


def test_a_session_that_the_relay_has_closed_is_replaced_within_the_checkout() -> None:
    pool, relay, _, _ = make()
    with pool.session(soon()):
        pass
    relay.sessions[0].alive = False
    with pool.session(soon()) as session:
        assert session is relay.sessions[1]


def test_an_error_in_the_block_retires_the_session_without_a_word() -> None:
    pool, relay, _, events = make()
    with pytest.raises(LookupError), pool.session(soon()):
        raise LookupError
    assert relay.sessions[0].said == ["close"]
    assert [event.reason for event in events if isinstance(event, SessionRetired)] == ["doubt"]
    assert "0 of 4 places" in repr(pool)


def test_a_place_is_free_when_its_session_is_closed_and_not_before() -> None:
    """Or the relay would see one connection too many."""
    pool, relay, _, _ = make(size=1)

    class LongGoodbye(FakeSession):
        def close(self, *, say_quit: bool = True) -> None:
            with pytest.raises(PoolTimeout), pool.session(soon(-1)):
                pass
            super().close(say_quit=say_quit)

    relay.session_type = LongGoodbye
    with pool.session(soon()) as session:
        session.transactions = 100
    with pool.session(soon()):
        pool.drain()
    assert [one.said for one in relay.sessions] == [["QUIT"], ["QUIT"]]


def test_a_session_in_doubt_is_not_parked() -> None:
    pool, relay, _, _ = make()
    with pool.session(soon()) as session:
        session.usable = False
    assert pool.stats()["parked"] == 0
    assert relay.sessions[0].said == ["close"]


def test_a_session_that_cannot_be_opened_frees_its_place() -> None:
    pool, relay, _, events = make(size=1)
    relay.error = ConnectionRefusedError()
    for _ in range(3):
        with pytest.raises(ConnectionRefusedError), pool.session(soon()):
            pass
    relay.error = None
    with pool.session(soon()):
        assert [type(event) for event in events] == [SessionOpened]


def test_nobody_waits_longer_than_the_deadline() -> None:
    pool, _, _, events = make(size=1)
    with pool.session(soon()), pytest.raises(PoolTimeout, match="all 1 are in use"), pool.session(soon(0.01)):
        pass
    assert pool.stats()["timeouts"] == 1
    assert [type(event) for event in events] == [SessionOpened, SessionMissed, SessionParked]


def test_a_relay_that_opens_no_session_is_told_with_the_reason() -> None:
    pool, relay, _, events = make()
    relay.error = fault_error(taxonomy.fault("C1", Phase.CONNECT, "connection refused", host="relay.example:25"))
    with pytest.raises(DeliveryError), pool.session(soon()):
        pass
    (event,) = events
    assert isinstance(event, SessionNotOpened)
    assert "connection refused" in event.why
    assert pool.stats()["not_opened"] == 1


def test_each_session_has_its_number_in_every_event() -> None:
    pool, _, _, events = make(messages_per_connection=1)
    for _ in range(2):
        with pool.session(soon()) as session:
            session.transactions += 1
    named = [(type(event).__name__, event.session) for event in events]  # type: ignore[union-attr]  # all have one
    assert named == [("SessionOpened", 1), ("SessionRetired", 1), ("SessionOpened", 2), ("SessionRetired", 2)]


def test_waiters_are_served_first_come_first_served() -> None:
    pool, _, _, _ = make(size=1)
    order: list[int] = []

    def wait(number: int) -> None:
        with pool.session(soon()):
            order.append(number)

    threads = []
    with pool.session(soon()):
        for number in range(5):
            threads.append(threading.Thread(target=wait, args=(number,)))
            threads[-1].start()
            while pool.stats()["waiting"] <= number:
                time.sleep(0.001)
    for thread in threads:
        thread.join(5)
    assert order == [0, 1, 2, 3, 4]


def test_closing_says_quit_to_parked_sessions_and_wakes_waiters() -> None:
    pool, relay, _, _ = make(size=1)
    outcome: list[str] = []

    def wait() -> None:
        try:
            with pool.session(soon()):
                outcome.append("lent")
        except PoolClosed:
            outcome.append("closed")

    with pool.session(soon()):
        thread = threading.Thread(target=wait)
        thread.start()
        while not pool.stats()["waiting"]:
            time.sleep(0.001)
        pool.close(grace=0)
        thread.join(5)
    assert outcome == ["closed"]
    assert relay.sessions[0].said == ["QUIT"]
    with pytest.raises(PoolClosed), pool.session(soon()):
        pass


def closing(pool: SessionPool, order: list[str]) -> threading.Thread:
    """A thread that has closed the pool, and waits for what is lent."""
    waits, until_empty = threading.Event(), pool._places.wait_until_empty

    def told(seconds: float) -> bool:
        waits.set()
        return until_empty(seconds)

    def close() -> None:
        pool.close(grace=60)
        order.append("close has returned")

    pool._places.wait_until_empty = told  # type: ignore[method-assign]
    thread = threading.Thread(target=close)
    thread.start()
    assert waits.wait(30)
    return thread


def test_closing_waits_for_sessions_that_come_back_within_the_grace() -> None:
    pool, relay, _, _ = make(size=2)
    order: list[str] = []

    class Ordered(FakeSession):
        def close(self, *, say_quit: bool = True) -> None:
            super().close(say_quit=say_quit)
            order.append(f"session {self.number} has said {self.said[-1]}")

    relay.session_type = Ordered
    with pool.session(soon()):
        with pool.session(soon()):
            thread = closing(pool, order)
        thread.join(0.05)
        assert thread.is_alive(), "one of two has come back"
    thread.join(30)
    assert order == ["session 1 has said QUIT", "session 0 has said QUIT", "close has returned"]
    assert pool.stats() == {"parked": 0, "lent": 0, "waiting": 0, "opened": 2, "retired_closed": 2}


def test_closing_waits_no_longer_than_the_grace_and_what_is_lent_then_is_closed_when_it_comes_back() -> None:
    pool, relay, _, _ = make()
    with pool.session(soon()) as lent:
        pool.close(grace=0.01)  # in this thread: it would never come back else
        assert lent.usable
        assert relay.sessions[0].said == []
        with pytest.raises(PoolClosed), pool.session(soon()):
            pass
    assert relay.sessions[0].said == ["QUIT"]
    assert pool.stats() == {"parked": 0, "lent": 0, "waiting": 0, "opened": 1, "retired_closed": 1}


def test_closing_waits_for_nobody_where_nothing_is_lent() -> None:
    pool, relay, _, _ = make()
    with pool.session(soon()):
        pass
    order: list[str] = []
    closing(pool, order).join(30)
    assert order == ["close has returned"]
    assert relay.sessions[0].said == ["QUIT"]


def test_draining_retires_parked_sessions_and_lets_lent_ones_go_on() -> None:
    pool, relay, _, _ = make()
    with pool.session(soon()) as lent:
        with pool.session(soon()):
            pass
        pool.drain()
        assert relay.sessions[1].said == ["QUIT"]
        assert lent.usable
        assert lent.usable
    assert relay.sessions[0].said == ["QUIT"], "it may know an old password"
    assert pool.stats()["retired_drained"] == 2


def test_a_forked_child_leaves_its_parents_sessions_alone() -> None:
    pool, relay, _, _ = make()
    with pool.session(soon()):
        pass
    child = os.fork()
    if child == 0:
        with pool.session(soon()) as session:
            right = session is not relay.sessions[0] and relay.sessions[0].said == ["abandon"]
        os._exit(0 if right else 1)
    assert os.waitpid(child, 0)[1] == 0
    assert relay.sessions[0].said == []
    assert pool.stats()["parked"] == 1


def test_so_does_one_that_was_forked_behind_pythons_back() -> None:
    """As servers written in C do: no hook of `os.register_at_fork` runs, and a session may be lent out just then."""
    pool, relay, _, _ = make()
    lent = pool.session(soon())
    lent.__enter__()
    child = ctypes.PyDLL(None).fork()
    if child == 0:
        lent.__exit__(None, None, None)
        with pool.session(soon()) as session:
            right = session is not relay.sessions[0] and relay.sessions[0].said == ["abandon"]
        os._exit(0 if right else 1)
    assert os.waitpid(child, 0)[1] == 0
    lent.__exit__(None, None, None)
    assert relay.sessions[0].said == []
    assert pool.stats()["parked"] == 1


def test_so_does_one_that_ends_in_the_middle_of_a_checkout(monkeypatch: pytest.MonkeyPatch) -> None:
    """A listener forks, perhaps; the child says nothing of the connection to the relay, nor to those who count them."""
    released: list[str | None] = []

    def fork(event: Event) -> None:
        if isinstance(event, SessionReused):
            monkeypatch.setattr(os, "getpid", lambda: -1)
            raise SystemExit

    relay = FakeRelay()
    pool = pool_of(relay, Clock(), fork)
    monkeypatch.setattr(pool, "_release", released.append)
    with pool.session(soon()):
        pass
    with pytest.raises(SystemExit), pool.session(soon()):
        pass
    assert (relay.sessions[0].said, released) == (["abandon"], [])


def test_all_of_the_parents_are_abandoned_before_anybody_is_told_of_one(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever is told may take his time, and other threads of the child lend and return meanwhile."""
    relay = FakeRelay()
    seen: list[list[list[str]]] = []

    def listen(event: Event) -> None:
        if isinstance(event, SessionRetired):
            seen.append([session.said.copy() for session in relay.sessions])

    pool = pool_of(relay, Clock(), listen)
    with pool.session(soon()), pool.session(soon()):
        pass
    monkeypatch.setattr(os, "getpid", lambda: -1)
    pool.stats()
    assert seen == [[["abandon"], ["abandon"]]] * 2


def test_a_child_is_not_stopped_by_a_lock_that_another_thread_held_at_the_fork() -> None:
    pool, relay, _, _ = make(size=1)
    lent = pool.session(soon())
    lent.__enter__()
    with pool._places._lock:
        child = os.fork()
        if child == 0:
            signal.alarm(20)
            with pool.session(soon()) as session:
                right = session is not relay.sessions[0] and relay.sessions[0].said == ["abandon"]
            lent.__exit__(None, None, None)
            os._exit(0 if right and pool.stats()["parked"] == 1 and "QUIT" not in relay.sessions[0].said else 1)
    assert os.waitpid(child, 0)[1] == 0
    with pool._places._lock:
        child = ctypes.PyDLL(None).fork()
        if child == 0:
            signal.alarm(20)
            lent.__exit__(None, None, None)
            os._exit(0 if relay.sessions[0].said == ["abandon"] else 1)
    assert os.waitpid(child, 0)[1] == 0
    lent.__exit__(None, None, None)
    assert relay.sessions[0].said == []
    assert pool.stats() == {"parked": 1, "lent": 0, "waiting": 0, "opened": 1}


def test_a_session_that_was_being_opened_while_the_pool_was_drained_is_not_lent_again() -> None:
    """It may have logged in with the password that the drain was for."""
    pool, relay, _, _ = make()

    def drained_meanwhile(endpoint: Endpoint) -> FakeSession:
        pool.drain()
        return relay(endpoint)

    pool._open_session = drained_meanwhile  # type: ignore[assignment]
    with pool.session(soon()):
        pass
    assert pool.stats()["retired_drained"] == 1


def test_upkeep_does_not_end_while_sessions_are_out() -> None:
    """Or nearly every return would start a thread."""
    pool, _, _, _ = make(max_idle=10)
    assert pool._due_in() is None
    with pool.session(soon()):
        assert pool._due_in() == 10
    assert pool._due_in() == 10
    pool.drain()
    assert pool._due_in() is None


def test_where_no_thread_can_be_started_sessions_are_lent_and_returned_all_the_same(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def no_more(thread: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    monkeypatch.setattr(threading.Thread, "start", no_more)
    pool = SessionPool(RELAY, open_session=FakeRelay())  # type: ignore[arg-type]
    for _ in range(2):
        with pool.session(soon()):
            pass
    assert pool.stats()["reused"] == 1


def test_a_parked_session_ends_in_time_though_nobody_asks_for_one() -> None:
    relay, retired = FakeRelay(), threading.Event()
    pool = SessionPool(
        RELAY,
        PoolConfig(max_idle=0.05),
        open_session=relay,  # type: ignore[arg-type]
        listener=lambda event: retired.set() if isinstance(event, SessionRetired) else None,
    )
    with pool.session(soon()):
        pass
    assert retired.wait(5)
    assert relay.sessions[0].said == ["QUIT"]
    while any(thread.name == "pool relay.example:25" for thread in threading.enumerate()):
        time.sleep(0.01)  # the thread ends with what it had to look after


def test_a_pool_can_be_opened_again_with_sessions_ahead() -> None:
    pool, relay, _, _ = make()
    pool.close()
    pool.open(warm=2)
    assert len(relay.sessions) == 2
    assert pool.stats()["parked"] == 2


def test_whoever_is_interrupted_while_waiting_leaves_no_place_behind() -> None:
    """A task's time limit is an exception in the middle of the wait."""

    class TimeLimit(BaseException):
        pass

    def interrupt(number: int, frame: object) -> None:
        raise TimeLimit

    pool, _, _, _ = make(size=1)
    before = signal.signal(signal.SIGALRM, interrupt)
    try:
        with pool.session(soon()):
            signal.setitimer(signal.ITIMER_REAL, 0.05)
            with pytest.raises(TimeLimit), pool.session(soon()):
                pass
    finally:
        signal.signal(signal.SIGALRM, before)
    with pool.session(soon(0.1)):
        assert "0 parked, 1 lent, 0 waiting, 1 of 1 places" in repr(pool)


@pytest.mark.parametrize("bounds", [{"size": 0}, {"messages_per_connection": 0}, {"max_age": 0}, {"max_idle": -1}])
def test_bounds_that_cannot_work_are_refused(bounds: dict[str, float]) -> None:
    with pytest.raises(ValueError, match=r"."):
        PoolConfig(**bounds)  # type: ignore[arg-type]
