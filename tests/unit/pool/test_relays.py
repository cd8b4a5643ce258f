from __future__ import annotations

import random
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from unittest import mock

import pytest

from notifier.errors import (
    DeliveryError,
    ErrorClass,
    Fault,
    Phase,
    RelayConnecting,
    RelayUnavailable,
    Scope,
    StoreUnavailable,
    fault_error,
)
from notifier.model.breaker import BreakerRule, BreakerRules, Permit, Place
from notifier.model.events import BreakerClosed, BreakerOpened, Event
from notifier.model.outcome import Outcome, RecipientOutcome, RecipientState
from notifier.model.prospect import Prospect
from notifier.model.secret import Secret
from notifier.pool import LocalBreakers, Member, PoolConfig, Relays, SessionPool
from notifier.pool.relays import place_of
from notifier.pool.verdicts import held_against
from notifier.smtp import Endpoint
from notifier.smtp.session import Ending

REFUSED = Fault("C1", ErrorClass.TRANSIENT, Scope.HOST, Phase.CONNECT, "connection refused")
NO_DESCRIPTOR = Fault("C3", ErrorClass.TRANSIENT, Scope.PROCESS, Phase.CONNECT, "too many open files")
CLOSING = Fault("R10", ErrorClass.TRANSIENT, Scope.CONNECTION, Phase.RCPT, "421 closing", code=421)
NO_SUCH_USER = Fault("R7", ErrorClass.PERMANENT, Scope.RECIPIENT, Phase.RCPT, "550 5.1.1 no", code=550)
WELL = Outcome(0, {"a@x": RecipientOutcome(RecipientState.ACCEPTED)})
RULES = BreakerRules(BreakerRule(consecutive=2, first=30.0))


def failed(fault: Fault) -> Outcome:
    return Outcome(0, {"a@x": RecipientOutcome(RecipientState.DEFERRED, fault)})


@dataclass
class FakeSession:
    outcomes: list[Outcome]
    usable: bool = True
    transactions: int = 0
    spent: bool = False
    tls: str | None = None

    @property
    def ending(self) -> Ending | None:
        return None if self.usable else Ending.DOUBT

    def takes_another(self, most: int) -> bool:
        return self.ending is None and self.transactions < most and not self.spent

    def is_alive(self) -> bool:
        return True

    def close(self, *, say_quit: bool = True) -> None:
        self.usable = False

    def send_many(self, mails: Sequence[object], *before: object) -> Iterator[Outcome]:
        yield from self.outcomes


def opened(_: Endpoint) -> FakeSession:
    return FakeSession([WELL])


@dataclass
class Farm:
    """Relays whose sessions do what ``faults`` and ``outcomes`` say, by host."""

    names: list[list[str]]
    faults: dict[str, Fault] = field(default_factory=dict)
    outcomes: dict[str, list[Outcome]] = field(default_factory=dict)
    opened: Counter[str] = field(default_factory=Counter)
    events: list[Event] = field(default_factory=list)
    now: float = 0.0

    def __post_init__(self) -> None:
        self.breakers = LocalBreakers(lambda: self.now)
        tiers = [[Member(self.pool(*name.partition("*")[::2])) for name in tier] for tier in self.names]
        for tier, given in zip(tiers, self.names, strict=True):
            for member, name in zip(tier, given, strict=True):
                member.weight = int(name.partition("*")[2] or 1)
        self.relays = Relays(
            tiers,
            self.breakers,
            rules=RULES,
            listener=self.events.append,
            clock=lambda: self.now,
            rng=random.Random(1).random,  # noqa: S311 - chance that repeats
        )

    def pool(self, host: str, weight: str) -> SessionPool:
        return SessionPool(Endpoint(host, 25), PoolConfig(), open_session=self.open, upkeep=False)  # type: ignore[arg-type]

    def open(self, endpoint: Endpoint) -> FakeSession:
        self.opened[endpoint.host] += 1
        if endpoint.host in self.faults:
            raise fault_error(self.faults[endpoint.host])
        return FakeSession(self.outcomes.get(endpoint.host, [WELL]))

    def send(self) -> str:
        """To which relay a mail went."""
        with self.relays.session(time.monotonic() + 5) as lent:
            list(lent.send_many([]))
            return lent._session.outcomes and next(
                pool.endpoint.host for pool in self.relays.pools if pool.stats()["lent"]
            )


def test_the_first_tier_is_used_while_it_can_be() -> None:
    farm = Farm([["a"], ["b"]])
    assert [farm.send() for _ in range(5)] == ["a"] * 5


def test_a_relay_that_cannot_be_reached_is_passed_over() -> None:
    farm = Farm([["a"], ["b"]], faults={"a": REFUSED})
    assert farm.send() == "b"


def being_connected(farm: Farm, host: str) -> None:
    """Others are at it, longer than a relay that is well takes."""
    (pool,) = (pool for pool in farm.relays.pools if pool.endpoint.host == host)
    pool._slots = mock.Mock(take=mock.Mock(side_effect=RelayConnecting(f"{host} lets others wait", 2.0)))


def test_nobody_stands_in_for_a_relay_that_others_are_being_connected_to() -> None:
    farm = Farm([["a"], ["b"]])
    being_connected(farm, "a")
    with pytest.raises(RelayConnecting):
        farm.send()
    assert farm.opened["b"] == 0


def test_relays_of_one_tier_do_not_wait_for_each_other() -> None:
    farm = Farm([["a", "b"]])
    being_connected(farm, "a")
    assert {farm.send() for _ in range(20)} == {"b"}


def test_after_some_failures_it_is_not_even_tried() -> None:
    farm = Farm([["a"], ["b"]], faults={"a": REFUSED})
    for _ in range(10):
        assert farm.send() == "b"
    assert farm.opened["a"] == 2
    assert BreakerOpened("a:25", "host", 30.0, "C1 connection refused") in farm.events


def test_when_its_time_is_over_one_probe_closes_the_breaker() -> None:
    farm = Farm([["a"], ["b"]], faults={"a": REFUSED})
    for _ in range(3):
        farm.send()
    farm.faults.clear()
    farm.now = 31
    assert [farm.send() for _ in range(2)] == ["a", "a"]
    assert farm.events[-1] == BreakerClosed("a:25")


def test_where_none_may_be_tried_it_says_how_long_to_wait() -> None:
    farm = Farm([["a", "b"]], faults={"a": REFUSED, "b": REFUSED})
    for _ in range(2):
        with pytest.raises(DeliveryError, match="refused"):
            farm.send()
    with pytest.raises(
        RelayUnavailable, match=r"no relay may be tried now \(.*a:25.*\): C1 connection refused"
    ) as error:
        farm.send()
    assert error.value.retry_after == 30


def test_what_is_to_be_expected_of_the_first_tier_is_what_was_seen_of_it_last() -> None:
    farm = Farm([["a"], ["b"]])
    assert farm.relays.prospect is Prospect.UNKNOWN
    farm.send()
    assert farm.relays.prospect is Prospect.CONNECTED
    farm.outcomes["a"] = [failed(CLOSING)]
    farm.relays.pools[0].drain()
    farm.send()
    assert farm.relays.prospect is Prospect.FAILING, "and not what its parked session promises"
    farm.outcomes.clear()
    farm.relays.pools[0].drain()
    farm.send()
    assert farm.relays.prospect is Prospect.CONNECTED


def test_what_others_hold_against_a_relay_is_to_be_expected_of_it_too() -> None:
    farm = Farm([["a"]])
    farm.send()
    farm.now = 2
    for _ in range(2):
        farm.breakers.bad(Place("a:25 required"), "host", RULES.host, "C1 connection refused")
    with pytest.raises(RelayUnavailable):
        farm.send()
    assert farm.relays.prospect is Prospect.FAILING


def test_the_second_silence_in_a_row_is_enough() -> None:
    silent = Fault("C2", ErrorClass.TRANSIENT, Scope.HOST, Phase.CONNECT, "no answer")
    assert held_against(silent, BreakerRules()) == ("host", BreakerRule(consecutive=2))
    unanswered = Fault("Z4", ErrorClass.UNKNOWN, Scope.MESSAGE, Phase.FINAL_REPLY, "no reply")
    assert held_against(unanswered, BreakerRules()) == ("host", BreakerRule(consecutive=2))
    assert held_against(REFUSED, BreakerRules()) == ("host", BreakerRule(consecutive=5))
    assert held_against(silent, BreakerRules(BreakerRule(consecutive=1))) == ("host", BreakerRule(consecutive=1))


def test_within_a_tier_each_relay_gets_its_share() -> None:
    farm = Farm([["a*3", "b"]])
    found = Counter(farm.send() for _ in range(2000))
    assert 1400 < found["a"] < 1600


def test_what_is_wrong_with_this_process_is_held_against_nobody() -> None:
    farm = Farm([["a"], ["b"]], faults={"a": NO_DESCRIPTOR})
    for _ in range(5):
        with pytest.raises(DeliveryError, match="too many open files"):
            farm.send()
    assert farm.breakers.permit(Place("a:25 required")).clean
    assert farm.opened["b"] == 0, "it would fail in the same way"


def test_a_relay_that_fails_in_transactions_opens_its_breaker() -> None:
    farm = Farm([["a"], ["b"]], outcomes={"a": [failed(CLOSING)]})
    assert [farm.send() for _ in range(4)] == ["a", "a", "b", "b"]


def test_a_connection_that_breaks_off_after_mails_went_well_is_no_outage() -> None:
    farm = Farm([["a"], ["b"]], outcomes={"a": [WELL, failed(CLOSING)]})
    assert [farm.send() for _ in range(6)] == ["a"] * 6


def test_a_refused_recipient_says_nothing_about_the_relay() -> None:
    farm = Farm([["a"], ["b"]], outcomes={"a": [failed(NO_SUCH_USER)]})
    assert [farm.send() for _ in range(6)] == ["a"] * 6


def test_a_store_that_is_away_is_not_in_the_way_of_what_has_happened() -> None:
    class Away(LocalBreakers):
        def permit(self, place: Place) -> Permit:
            return Permit(clean=False)

        def good(self, place: Place) -> bool:
            raise StoreUnavailable("gone")

    farm = Farm([["a"]])
    farm.relays._breakers = Away()
    assert farm.send() == "a"


def test_others_may_log_in_as_soon_as_the_first_login_has_worked() -> None:
    account = Endpoint("a", 587, username="ann", password=Secret("s3cret"))
    breakers = LocalBreakers()
    pools = [SessionPool(account, PoolConfig(), open_session=opened, upkeep=False) for _ in range(2)]
    mine, theirs = (Relays([[Member(pool)]], breakers) for pool in pools)
    with mine.session(time.monotonic() + 5), theirs.session(time.monotonic() + 5) as lent:
        assert lent.usable


def test_a_parked_session_says_nothing_of_todays_password() -> None:
    """It goes on where the relay would not let us in any more, also where it has carried nothing yet."""
    now = 0.0
    account = Endpoint("a", 587, username="ann", password=Secret("s3cret"))
    breakers = LocalBreakers(lambda: now)
    pool = SessionPool(account, PoolConfig(), open_session=opened, upkeep=False)
    place = place_of(account)
    with pool.session(time.monotonic() + 5):
        pass
    breakers.bad(place, "account", BreakerRule(consecutive=1, first=30.0), "535 5.7.8 no")
    now = 31.0
    with Relays([[Member(pool)]], breakers).session(time.monotonic() + 5):
        assert pool.stats()["opened"] == 1
        assert breakers.permit(place).wait == 5, "the probe is still under way"


def test_a_clean_relay_is_asked_about_once_a_second() -> None:
    asked: list[Place] = []

    class Counting(LocalBreakers):
        def permit(self, place: Place) -> Permit:
            asked.append(place)
            return super().permit(place)

    farm = Farm([["a"]])
    farm.relays._breakers = Counting(lambda: farm.now)
    for _ in range(10):
        farm.send()
        farm.now += 0.25
    assert len(asked) == 3


def test_a_place_is_another_with_another_password_and_does_not_tell_it() -> None:
    old, new = (Endpoint("a", 587, username="zoe", password=Secret(word)) for word in ("hunter2", "hunter3"))
    assert place_of(old).relay == place_of(new).relay
    assert place_of(old).account != place_of(new).account
    assert "hunter" not in str(place_of(old))
    assert place_of(Endpoint("a", 25)).account is None


@pytest.mark.parametrize("row", ["M0", "M5", "P1"])
def test_a_session_that_had_died_neither_closes_a_breaker_nor_holds_it_up(row: str) -> None:
    farm = Farm([["a"]], faults={"a": REFUSED})
    for _ in range(2):
        with pytest.raises(DeliveryError):
            farm.send()
    farm.faults.clear()
    farm.outcomes["a"] = [failed(Fault(row, ErrorClass.TRANSIENT, Scope.CONNECTION, Phase.MAIL, "timed out"))]
    farm.now = 31
    assert [farm.send() for _ in range(3)] == ["a"] * 3, "each is a probe that is given back"
    assert farm.breakers.permit(Place("a:25 required")).probe
    assert not any(isinstance(event, BreakerClosed) for event in farm.events)


def test_two_accounts_at_one_relay_have_figures_of_their_own() -> None:
    ends = [Endpoint("a", 587, username=user, password=Secret("s3cret")) for user in ("ann", "bob", "bob")]
    pools = [SessionPool(end, PoolConfig(), open_session=opened, upkeep=False) for end in ends]  # type: ignore[arg-type]
    with pools[0].session(time.monotonic() + 5), pools[1].session(time.monotonic() + 5):
        stats = Relays([[Member(pool) for pool in pools]], LocalBreakers()).stats()
    assert {name: figures["opened"] for name, figures in stats.items()} == {"a:587 ann": 1, "a:587 bob": 1}


def test_stats_and_repr_name_every_relay() -> None:
    farm = Farm([["a", "b"], ["c"]])
    farm.send()
    assert set(farm.relays.stats()) == {"a:25", "b:25", "c:25"}
    assert repr(farm.relays) == "<Relays a:25 or b:25 then c:25>"
