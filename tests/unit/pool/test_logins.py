"""A password that worked and works no more: how many log in with it before all know."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from queue import SimpleQueue

import pytest
from fake_relay import FakeSession, soon

from notifier.errors import DeliveryError, Phase, RelayConnecting, RelayUnavailable, StoreUnavailable, fault_error
from notifier.model.breaker import About, BreakerRule, BreakerRules, LoginTurn, Place
from notifier.model.secret import Secret
from notifier.pool import LocalBreakers, Member, PoolConfig, Relays, SessionPool
from notifier.pool.relays import place_of
from notifier.protocol import taxonomy
from notifier.smtp import Endpoint

ANN = Endpoint("a", 587, username="ann", password=Secret("s3cret"))
PLACE = place_of(ANN)
SLOTS = 8


class Door:
    """A relay that answers logins when it is let, and then with the fault, if there is one. ``told``: what came of each."""

    def __init__(self) -> None:
        self.logins = 0
        self.refuses = False
        self.answers = threading.Event()
        self.told: SimpleQueue[str] = SimpleQueue()
        self._lock = threading.Lock()

    def __call__(self, _: Endpoint) -> FakeSession:
        with self._lock:
            self.logins += 1
        self.told.put("is logging in")
        self.answers.wait(30)
        if self.refuses:
            raise fault_error(taxonomy.fault("A1", Phase.AUTH, "535 5.7.8 no"))
        return FakeSession()

    def told_next(self, count: int) -> list[str]:
        return sorted(self.told.get(timeout=30) for _ in range(count))


@contextmanager
def slots_of_many_workers(door: Door, breakers: LocalBreakers) -> Iterator[None]:
    """Each has a pool of its own, and all want a session at once."""

    def send() -> None:
        pool = SessionPool(ANN, PoolConfig(size=1), open_session=door, upkeep=False)  # type: ignore[arg-type]
        try:
            with Relays([[Member(pool)]], breakers).session(soon(30)):
                door.told.put("has a session")
        except (DeliveryError, RelayUnavailable) as error:
            door.told.put(type(error).__name__)

    threads = [threading.Thread(target=send) for _ in range(SLOTS)]
    for thread in threads:
        thread.start()
    try:
        yield
    finally:
        door.answers.set()
        for thread in threads:
            thread.join(30)


def proven() -> LocalBreakers:
    breakers = LocalBreakers()
    breakers.permit(PLACE)
    breakers.logged_in(PLACE)
    return breakers


def test_of_all_slots_that_connect_at_once_three_log_in_with_a_password_that_was_revoked() -> None:
    door = Door()
    door.refuses = True
    with slots_of_many_workers(door, proven()):
        assert door.told_next(3) == ["is logging in"] * 3
        door.answers.set()
        found = door.told_next(SLOTS)
    assert door.logins == 3
    assert found.count("RelayUnavailable") == SLOTS - 3, "the others were told before they had knocked"


def test_who_waits_longer_than_a_relay_takes_that_is_well_goes_away_for_a_while() -> None:
    door = Door()
    with slots_of_many_workers(door, proven()):
        assert door.told_next(SLOTS) == ["RelayConnecting"] * (SLOTS - 3) + ["is logging in"] * 3


def test_a_login_that_works_lets_all_slots_in() -> None:
    door = Door()
    door.answers.set()
    with slots_of_many_workers(door, proven()):
        assert door.told_next(2 * SLOTS) == ["has a session"] * SLOTS + ["is logging in"] * SLOTS


class Noting(LocalBreakers):
    """Notes what it is asked and told."""

    def __init__(self) -> None:
        super().__init__()
        self.said: list[str] = []
        super().permit(PLACE)
        super().logged_in(PLACE)

    def log_in(self, place: Place, login: str) -> LoginTurn:
        self.said.append("log in")
        return super().log_in(place, login)

    def login_over(self, place: Place, login: str) -> None:
        self.said.append("over")
        super().login_over(place, login)

    def bad(self, place: Place, about: About, rule: BreakerRule, why: str) -> float:
        self.said.append(f"bad {about}")
        return super().bad(place, about, rule, why)


def relays(door: Door, breakers: LocalBreakers) -> Relays:
    door.answers.set()
    pool = SessionPool(ANN, PoolConfig(), open_session=door, upkeep=False)  # type: ignore[arg-type]
    return Relays([[Member(pool)]], breakers, rules=BreakerRules())


def test_a_login_is_under_way_until_the_breaker_knows_that_it_failed() -> None:
    breakers, door = Noting(), Door()
    door.refuses = True
    with pytest.raises(DeliveryError), relays(door, breakers).session(soon()):
        pass
    assert breakers.said == ["log in", "bad account", "over"]


def test_a_login_is_over_before_its_mails_are_and_parked_sessions_ask_nobody() -> None:
    breakers = Noting()
    mine = relays(Door(), breakers)
    for _ in range(3):
        with mine.session(soon()):
            assert breakers.said == ["log in", "over"]


def test_nobody_logs_in_by_a_permit_from_before_the_breaker_opened() -> None:
    breakers, door = Noting(), Door()
    mine = relays(door, breakers)
    with mine.session(soon()):
        pass
    mine.pools[0].drain()
    breakers.bad(PLACE, "account", BreakerRule(consecutive=1, first=300.0), "535 5.7.8 no")
    with pytest.raises(RelayUnavailable, match=r"535 5\.7\.8 no") as error, mine.session(soon()):
        pass
    assert not isinstance(error.value, RelayConnecting)
    assert door.logins == 1
    with pytest.raises(RelayUnavailable, match="no relay may be tried"), mine.session(soon()):
        pass
    assert breakers.said.count("log in") == 2, "the next mail does not even wait for its turn"


def test_a_turn_whose_answer_was_lost_is_given_up_for_others() -> None:
    class Lost(Noting):
        def log_in(self, place: Place, login: str) -> LoginTurn:
            super().log_in(place, login)
            raise StoreUnavailable("no answer in time")

    breakers = Lost()
    with pytest.raises(StoreUnavailable), relays(Door(), breakers).session(soon()):
        pass
    assert breakers.said == ["log in", "over"]
