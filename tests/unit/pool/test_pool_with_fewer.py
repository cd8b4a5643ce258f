"""A pool whose replicas have the connections that the relay takes, or try in vain: who waits, and who is sent away."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import pytest
from fake_relay import RELAY, FakeRelay, FakeSession, make

from notifier.errors import (
    DeliveryError,
    Phase,
    PoolClosed,
    PoolTimeout,
    RelayFull,
    RelayUnavailable,
    fault_error,
)
from notifier.model.events import SessionMissed, SessionOpened, SessionParked, SessionWaited
from notifier.model.limits import Connected, Word
from notifier.pool import PoolConfig, SessionPool, Slots
from notifier.pool import pool as pool_module
from notifier.protocol import taxonomy


class Elsewhere:
    """The connections of all replicas: ``free`` more may be made."""

    refusal = Connected(1.0, 9)
    kept: Sequence[str] = ()

    def __init__(self, free: int) -> None:
        self.free = free

    def connect(self, relay: str, token: str, most: int | None, before: Sequence[Word] = ()) -> Connected:
        self._hear(before)
        if self.free <= 0:
            return self.refusal
        self.free -= 1
        return Connected(0.0, 9)

    def keep_turns(self, relay: str, tokens: list[str]) -> None:
        self.kept = tokens

    def keep(self, relay: str, tokens: Sequence[str]) -> None:
        """They are there."""

    def say(self, relay: str, words: Sequence[Word]) -> None:
        self._hear(words)

    def _hear(self, words: Sequence[Word]) -> None:
        self.free += sum(word.verb != "established" for word in words)


class Later(Elsewhere):
    """Whoever asks waits once for their turn."""

    asked = 0

    def connect(self, relay: str, token: str, most: int | None, before: Sequence[Word] = ()) -> Connected:
        self.asked += 1
        return super().connect(relay, token, most, before) if self.asked > 1 else Connected(1.0, 9, 0.01)


def soon(seconds: float = 5.0) -> float:
    return time.monotonic() + seconds


def limited(pool: SessionPool, free: int) -> Elsewhere:
    elsewhere = Elsewhere(free)
    pool._slots = Slots(elsewhere, "relay", "relay", None)  # type: ignore[arg-type]
    return elsewhere


def test_whoever_asks_waits_for_what_this_process_has_first_come_first_served() -> None:
    pool, relay, clock, _ = make(size=3)
    elsewhere = limited(pool, free=1)
    served: list[str] = []

    def wait(name: str) -> None:
        with pool.session(soon()):
            served.append(name)

    with pool.session(soon()):
        threads = []
        for number, name in enumerate(("first", "second"), start=1):
            threads.append(threading.Thread(target=wait, args=(name,)))
            threads[-1].start()
            while pool.stats()["waiting"] < number:
                time.sleep(0.001)
    for thread in threads:
        thread.join(5)
    assert served == ["first", "second"]
    assert len(relay.sessions) == 1
    elsewhere.free, clock.now = 1, clock.now + 1.0
    with pool.session(soon()), pool.session(soon()):
        assert len(relay.sessions) == 2, "after a while it looks whether there are more"


def test_whoever_waits_does_so_until_their_deadline() -> None:
    pool, _, _, _ = make(size=3)
    limited(pool, free=1)
    with pool.session(soon()), pytest.raises(PoolTimeout), pool.session(soon(0.01)):
        pass


def test_whoever_waits_looks_whether_there_are_more_though_nobody_else_comes(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(pool_module, "LATER", 0.01)
    pool, relay, clock, _ = make(size=3)
    elsewhere = limited(pool, free=1)
    elsewhere.refusal = Connected(0.01, 9)
    clock.now = time.monotonic()
    served = threading.Event()

    def wait() -> None:
        with pool.session(soon(30)):
            served.set()

    with pool.session(soon()):
        thread = threading.Thread(target=wait)
        thread.start()
        while not pool.stats()["waiting"]:
            time.sleep(0.001)
        elsewhere.free, clock.now = 1, clock.now + 1.0
        served.wait(30)
        assert served.is_set(), "one connection more may be made, and they wait for the session that is lent"
    thread.join(5)
    assert len(relay.sessions) == 2


def test_who_looks_in_vain_stays_the_first_in_the_queue(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(pool_module, "LATER", 0.01)
    pool, _, clock, _ = make(size=4)
    limited(pool, free=1).refusal = Connected(0.01, 9)
    served: list[str] = []

    def wait(name: str) -> None:
        with pool.session(soon(60)):
            served.append(name)

    with pool.session(soon()):
        threads = []
        for number, name in enumerate(("first", "second", "third"), start=1):
            threads.append(threading.Thread(target=wait, args=(name,)))
            threads[-1].start()
            while pool.stats()["waiting"] < number:
                time.sleep(0.001)
        ends = soon(30)
        while pool.stats().get("waited", 0) < 2 and time.monotonic() < ends:
            clock.now += 1.0
            time.sleep(0.02)
        assert pool.stats()["waited"] >= 2, "the first has looked, and was refused"
        # Nobody looks any more: a session that comes back meanwhile would rightly be the second's.
        monkeypatch.setattr(pool_module, "LATER", 1e9)
        while pool.stats()["waiting"] < 3:
            time.sleep(0.001)
    for thread in threads:
        thread.join(5)
    assert served == ["first", "second", "third"]


def test_a_pool_that_has_nothing_says_so() -> None:
    pool, relay, _, _ = make(size=3)
    limited(pool, free=0)
    with pytest.raises(RelayFull), pool.session(soon()):
        pass
    assert relay.sessions == []
    assert "0 of 3 places" in repr(pool)


def test_a_place_that_becomes_free_is_one_for_whoever_waits() -> None:
    pool, relay, _, _ = make(size=3)
    limited(pool, free=1)
    served = threading.Event()

    def wait() -> None:
        with pool.session(soon()):
            served.set()

    with pool.session(soon()) as session:
        thread = threading.Thread(target=wait)
        thread.start()
        while not pool.stats()["waiting"]:
            time.sleep(0.001)
        session.usable = False  # it is closed, and its connection is free for another
    thread.join(5)
    assert served.is_set()
    assert len(relay.sessions) == 2


def test_closing_sends_away_whoever_waits() -> None:
    pool, _, _, _ = make(size=3)
    limited(pool, free=1)
    told = threading.Event()

    def wait() -> None:
        try:
            with pool.session(soon()):
                pass
        except PoolClosed:
            told.set()

    with pool.session(soon()):
        thread = threading.Thread(target=wait)
        thread.start()
        while not pool.stats()["waiting"]:
            time.sleep(0.001)
        pool.close(0)
        thread.join(5)
    assert told.is_set()


def test_a_connection_that_ends_while_it_is_kept_is_given_back_once_more() -> None:
    """What is kept counts again: its release may have come first."""
    pool, _, clock, _ = make(size=3)
    said: list[tuple[str, str]] = []

    class Slow(Elsewhere):
        def keep(self, relay: str, tokens: list[str]) -> None:
            pool.drain()
            said.extend(("keep", token) for token in tokens)

        def say(self, relay: str, words: Sequence[Word]) -> None:
            said.extend((word.verb, word.token) for word in words if word.verb != "established")
            super().say(relay, words)

    pool._slots = Slots(Slow(3), "relay", "relay", None)  # type: ignore[arg-type]
    with pool.session(soon()):
        pass
    clock.now += 30
    pool.tend()
    assert [verb for verb, _ in said] == ["release", "keep", "release"]
    assert len({token for _, token in said}) == 1


# what is told of it --------------------------------------------------------------------------------------------------


def test_a_turn_that_was_waited_for_is_told_and_is_no_part_of_the_time_to_open_a_session() -> None:
    pool, _, clock, events = make(size=3)

    class Slow(Later):
        def connect(self, relay: str, token: str, most: int | None, before: Sequence[Word] = ()) -> Connected:
            clock.now += 5.0
            return super().connect(relay, token, most, before)

    pool._slots = Slots(Slow(1), "relay", "relay", None)  # type: ignore[arg-type]
    with pool.session(soon()):
        pass
    waited, opened, parked = events
    assert isinstance(waited, SessionWaited)
    assert isinstance(opened, SessionOpened)
    assert isinstance(parked, SessionParked)
    assert opened.seconds == 0.0, "it begins with the first packet"
    assert pool.stats()["waited"] == 1


def test_where_it_was_ones_turn_at_once_no_wait_is_told() -> None:
    pool, _, _, events = make(size=3)
    limited(pool, free=1)
    with pool.session(soon()):
        pass
    assert [type(event) for event in events] == [SessionOpened, SessionParked]
    assert "waited" not in pool.stats()


def test_a_turn_that_is_refused_is_told_and_counted() -> None:
    pool, _, _, events = make(size=3)
    limited(pool, free=0)
    with pytest.raises(RelayFull), pool.session(soon()):
        pass
    (event,) = events
    assert isinstance(event, SessionMissed)
    assert event.why == "turn"
    assert pool.stats() == {"parked": 0, "lent": 0, "waiting": 0, "refused": 1}


def test_who_is_refused_a_turn_and_misses_a_place_then_is_told_of_as_both() -> None:
    pool, _, _, events = make(size=3)
    limited(pool, free=1)
    with pool.session(soon()), pytest.raises(PoolTimeout), pool.session(soon(0.01)):
        pass
    assert [event.why for event in events if isinstance(event, SessionMissed)] == ["turn", "place"]
    assert (pool.stats()["refused"], pool.stats()["timeouts"]) == (1, 1)


def test_a_turn_is_given_up_where_an_exception_strikes_behind_the_wait_for_it() -> None:
    """A task's time limit may come anywhere: others would wait for nobody."""
    pool, _, _, _ = make(size=3)
    elsewhere = Later(1)

    def strike(event: object) -> None:
        raise KeyboardInterrupt

    pool._slots, pool._tell = Slots(elsewhere, "relay", "relay", None), strike  # type: ignore[arg-type]
    with pytest.raises(KeyboardInterrupt), pool.session(soon()):
        pass
    assert elsewhere.free == 1
    assert "0 of 3 places" in repr(pool)


# others try in vain -------------------------------------------------------------------------------------------------


def without_an_answer(pool: SessionPool, free: int) -> None:
    limited(pool, free).refusal = Connected(5.0, 9, 0.0)


def test_who_has_a_session_waits_for_it_where_the_relay_lets_new_ones_wait() -> None:
    pool, relay, _, _ = make(size=3)
    without_an_answer(pool, free=1)
    served = threading.Event()

    def wait() -> None:
        with pool.session(soon()):
            served.set()

    with pool.session(soon()):
        thread = threading.Thread(target=wait)
        thread.start()
        while not pool.stats()["waiting"]:
            time.sleep(0.001)
    thread.join(5)
    assert served.is_set()
    assert len(relay.sessions) == 1


def test_who_has_none_goes_away_and_leaves_no_place_taken() -> None:
    pool, _, _, _ = make(size=3)
    without_an_answer(pool, free=0)
    with pytest.raises(RelayUnavailable, match="lets those wait who are trying"), pool.session(soon()):
        pass
    assert "0 of 3 places" in repr(pool)


class Telling(Elsewhere):
    """Notes what it is told."""

    def __init__(self, free: int) -> None:
        super().__init__(free)
        self.said: list[str] = []

    def connect(self, relay: str, token: str, most: int | None, before: Sequence[Word] = ()) -> Connected:
        answer = super().connect(relay, token, most, before)
        self.said.append("connect")
        return answer

    def _hear(self, words: Sequence[Word]) -> None:
        self.said += [word.verb for word in words]
        super()._hear(words)


def telling(pool: SessionPool) -> list[str]:
    elsewhere = Telling(pool.config.size)
    pool._slots = Slots(elsewhere, "relay", "relay", None)  # type: ignore[arg-type]
    return elsewhere.said


def test_a_password_that_is_refused_says_nothing_for_or_against_the_relay() -> None:
    """It has greeted: the other accounts there are not to wait. Nor is it a reason to make more connections at once."""
    pool, relay, _, _ = make(size=1)
    said = telling(pool)
    relay.error = fault_error(taxonomy.fault("A1", Phase.AUTH, "no such user"))
    with pytest.raises(DeliveryError), pool.session(soon()):
        pass
    assert said == ["connect", "forgo"]


def test_it_is_asked_whether_to_log_in_when_it_is_the_turn_to_connect() -> None:
    pool, _, _, _ = make(size=1)
    said = telling(pool)
    with pool.session(soon(), lambda: said.append("log in")):
        pass
    with pool.session(soon(), lambda: said.append("log in")):
        assert said == ["connect", "log in", "established"], "a session that is there has logged in"


def test_whoever_may_not_log_in_now_connects_nobody_and_says_nothing_against_the_relay() -> None:
    pool, relay, _, _ = make(size=1)
    said = telling(pool)

    def refuse() -> None:
        raise RelayUnavailable("the password is wrong", 300.0)

    with pytest.raises(RelayUnavailable, match="password"), pool.session(soon(), refuse):
        pass
    assert (said, relay.sessions) == (["connect", "forgo"], [])
    with pool.session(soon()) as session:
        assert session.usable, "the place is free"


class Connecting:
    """Opens a session when it is let go."""

    def __init__(self) -> None:
        self.begun, self.let_go = threading.Event(), threading.Event()

    def __call__(self, endpoint: object) -> FakeSession:
        self.begun.set()
        self.let_go.wait(5)
        return FakeSession()


@contextmanager
def somebody_connecting(one_place: SessionPool) -> Iterator[None]:
    """In a thread of its own, until the block is over."""
    one_place._open_session = connecting = Connecting()  # type: ignore[assignment]

    def connect() -> None:
        with one_place.session(soon()):
            pass

    thread = threading.Thread(target=connect)
    thread.start()
    assert connecting.begun.wait(5)
    try:
        yield
    finally:
        connecting.let_go.set()
        thread.join(5)


def test_nobody_waits_long_behind_those_who_have_not_got_through(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pool_module, "PATIENCE", 0.01)
    one_place, _, _, _ = make(size=1)
    limited(one_place, free=1)
    with somebody_connecting(one_place), pytest.raises(RelayUnavailable), one_place.session(soon(60)):
        pass
    with one_place.session(soon()) as session:
        assert session.usable, "the place has gone to nobody"


def test_nor_anew_for_each_who_comes_while_it_takes_longer(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pool_module, "PATIENCE", 60.0)
    one_place, _, _, _ = make(size=1)
    limited(one_place, free=1)
    with somebody_connecting(one_place):
        one_place._connecting = {token: since - 60.0 for token, since in one_place._connecting.items()}
        with pytest.raises(RelayUnavailable), one_place.session(soon(60)):
            pass


def test_whoever_waits_behind_a_session_that_is_lent_does_so_until_their_deadline(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(pool_module, "PATIENCE", 0.0)
    one_place, _, _, _ = make(size=1)
    limited(one_place, free=1)
    with one_place.session(soon()), pytest.raises(PoolTimeout), one_place.session(soon(0.01)):
        pass


def test_others_are_told_that_a_connection_is_being_made_as_long_as_it_is() -> None:
    one_place, _, _, _ = make(size=1)
    elsewhere = limited(one_place, free=1)
    with somebody_connecting(one_place):
        one_place.tend()
        assert len(elsewhere.kept) == 1
    elsewhere.kept = ()
    one_place.tend()
    assert elsewhere.kept == ()


# who says what became of connections ---------------------------------------------------------------------------------


class Held(Telling):
    """Says nothing before it may."""

    def __init__(self, free: int) -> None:
        super().__init__(free)
        self.may, self.was_said = threading.Event(), threading.Event()

    def say(self, relay: str, words: Sequence[Word]) -> None:
        assert self.may.wait(10)
        super().say(relay, words)
        self.was_said.set()


def with_a_thread(elsewhere: Elsewhere) -> SessionPool:
    slots = Slots(elsewhere, "relay", "relay", None)  # type: ignore[arg-type]
    return SessionPool(RELAY, PoolConfig(size=3), open_session=FakeRelay(), slots=slots)  # type: ignore[arg-type]


def test_no_mail_waits_until_all_workers_know_what_became_of_a_connection() -> None:
    elsewhere = Held(3)
    pool = with_a_thread(elsewhere)
    with pool.session(soon()):
        assert elsewhere.said == ["connect"], "it is lent before that is said"
        elsewhere.may.set()
        assert elsewhere.was_said.wait(10)
    assert elsewhere.said == ["connect", "established"]
    elsewhere.was_said.clear()
    pool.drain()
    assert elsewhere.was_said.wait(10), "nor is the next connection needed for it"
    assert elsewhere.said == ["connect", "established", "release"]


def test_a_pool_that_is_closed_has_said_all() -> None:
    """Its process may end at once."""
    elsewhere = Telling(3)
    pool = with_a_thread(elsewhere)
    with pool.session(soon()), pool.session(soon()):
        pass
    pool.close()
    assert elsewhere.said.count("established") == 2
    assert elsewhere.said.count("release") >= 2, "once more where it was kept in the same moment"


def test_where_the_system_has_no_thread_left_it_is_said_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    def none_left(_: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    elsewhere = Telling(3)
    pool = with_a_thread(elsewhere)
    monkeypatch.setattr(threading.Thread, "start", none_left)
    with pool.session(soon()):
        assert elsewhere.said == ["connect", "established"]


def test_what_is_to_be_said_does_not_wait_for_goodbyes() -> None:
    """A relay may let us wait for two seconds at each QUIT; the thread says one after the other."""
    goodbye, may = threading.Event(), threading.Event()

    class Lingering(FakeSession):
        def close(self, *, say_quit: bool = True) -> None:
            goodbye.set()
            assert may.wait(10)
            super().close(say_quit=say_quit)

    relay, elsewhere = FakeRelay(), Telling(3)
    relay.session_type = Lingering
    slots = Slots(elsewhere, "relay", "relay", None)  # type: ignore[arg-type]
    pool = SessionPool(RELAY, PoolConfig(size=3, max_idle=0.01), open_session=relay, slots=slots)  # type: ignore[arg-type]
    with pool.session(soon()):
        pass
    assert goodbye.wait(10)
    with pool.session(soon()):
        assert elsewhere.said == ["connect", "established"] * 2
        may.set()


def test_all_is_said_though_the_thread_has_met_something_unforeseen(monkeypatch: pytest.MonkeyPatch) -> None:
    met = threading.Event()
    monkeypatch.setattr(threading, "excepthook", lambda _: met.set())

    class Odd(Held):
        def say(self, relay: str, words: Sequence[Word]) -> None:
            if not met.is_set():
                raise ZeroDivisionError
            super().say(relay, words)

    pool = with_a_thread(elsewhere := Odd(3))
    elsewhere.may.set()
    with pool.session(soon()):
        assert met.wait(10)
    pool.drain()
    assert elsewhere.was_said.wait(10)
    assert elsewhere.said == ["connect", "established", "release"]


def test_threads_of_a_child_use_nothing_of_the_parents(monkeypatch: pytest.MonkeyPatch) -> None:
    """One of them begins anew: the others see that it has when all is done."""
    pool = with_a_thread(Telling(3))
    assert pool._slots is not None
    seen = []
    monkeypatch.setattr(pool._slots, "begin", lambda: seen.append(pool._places.pid == os.getpid()))
    monkeypatch.setattr(os, "getpid", lambda: -1)
    pool.stats()
    assert seen == [False]
