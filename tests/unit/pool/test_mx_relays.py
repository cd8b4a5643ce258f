"""The relays of each recipient's domain: shared pools, their bound, and what is held against whom. Routes are a test's."""

from __future__ import annotations

import os
import random
import threading
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from typing import Any

import pytest

from notifier.errors import DeliveryError, ErrorClass, Fault, Phase, PoolClosed, RelayUnavailable, Scope, fault_error
from notifier.model.breaker import BreakerRule, BreakerRules
from notifier.model.outcome import Outcome, RecipientOutcome, RecipientState
from notifier.model.prospect import Prospect
from notifier.pool import LocalBreakers, mx
from notifier.pool.mx import MX_POOL, MxRelays
from notifier.smtp import Endpoint, TLSPolicy
from notifier.smtp.deadline import Deadline
from notifier.smtp.mx import MX_TIMEOUTS, Hop, Route
from notifier.smtp.session import Ending
from notifier.smtp.tlsa import TLSA
from notifier.smtp.trust import Published, Trust, Unauthenticated, WebPKI

NO_DOMAIN = Fault("D2", ErrorClass.PERMANENT, Scope.RECIPIENT, Phase.DNS, "there is no such domain")
REFUSED = Fault("C1", ErrorClass.TRANSIENT, Scope.HOST, Phase.CONNECT, "connection refused")
BAD_CERTIFICATE = Fault("L2", ErrorClass.MISCONFIGURED, Scope.HOST, Phase.STARTTLS, "certificate not accepted")
WELL = Outcome(0, {"a@x": RecipientOutcome(RecipientState.ACCEPTED)})
TEMPLATE = Endpoint("mx", 2525, tls=TLSPolicy.OPPORTUNISTIC, trust=Unauthenticated(), ehlo_name="us.test", timeouts=MX_TIMEOUTS)  # fmt: skip
RULES = BreakerRules(BreakerRule(consecutive=2, first=30.0))
PUBLISHED = Published((TLSA(3, 1, 1, bytes(32)),), "a.test")


def hop(host: str, trust: Trust | None = None) -> Hop:
    if trust is None:
        return Hop(host, TLSPolicy.OPPORTUNISTIC, Unauthenticated())
    return Hop(host, TLSPolicy.REQUIRED, trust)


@dataclass
class FakeSession:
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

    def abandon(self) -> None:
        self.usable = False

    def send_many(self, mails: Sequence[object], *before: object) -> Iterator[Outcome]:
        self.transactions += 1
        yield WELL


@dataclass
class World:
    """``routes`` by domain; ``faults`` of connecting by host and trust's label. ``opened``: to which hosts, how often."""

    routes: dict[str, Route | Fault] = field(default_factory=dict)
    faults: dict[str, Fault] = field(default_factory=dict)
    opened: Counter[str] = field(default_factory=Counter)
    resolves: set[Any] = field(default_factory=set)
    anchors: set[Any] = field(default_factory=set)
    deadlines: list[Deadline] = field(default_factory=list)
    now: float = 0.0
    most: int = 100

    def __post_init__(self) -> None:
        self.breakers = LocalBreakers(lambda: self.now)
        self.relays = MxRelays(
            self,
            TEMPLATE,
            self.breakers,
            resolve=self.resolve,
            rules=RULES,
            clock=lambda: self.now,
            rng=random.Random(1).random,  # noqa: S311 - chance that repeats
            most=self.most,
            open_session=self.open,
        )

    def route(self, domain: str, deadline: Deadline) -> Route:
        self.deadlines.append(deadline)
        found = self.routes[domain]
        if isinstance(found, Fault):
            raise fault_error(found)
        return found

    def resolve(self, host: str, port: int) -> list[tuple[int, Any]]:
        raise NotImplementedError

    def open(self, endpoint: Endpoint, *, resolve: Any, window: Any, quota: Any, anchors: Any) -> Any:
        self.opened[endpoint.host] += 1
        self.resolves.add(resolve)
        self.anchors.add(anchors)
        for key in (endpoint.host, f"{endpoint.host} {endpoint.trust.label}"):
            if key in self.faults:
                raise fault_error(self.faults[key])
        return FakeSession()

    def send(self, domain: str) -> str:
        """To which host a mail went."""
        with self.relays.for_domain(domain).session(time.monotonic() + 5) as lent:
            list(lent.send_many([]))
            return next(pool.endpoint.host for pool in self.relays.pools if pool.stats()["lent"])


@pytest.fixture
def world() -> World:
    made = World()
    made.routes = {
        "one.test": ((hop("a.test"),),),
        "same.test": ((hop("a.test"),),),
        "two.test": ((hop("a.test"),), (hop("b.test"),)),
        "equal.test": ((hop("c.test"), hop("d.test")),),
    }
    return made


def test_the_column_of_the_one_table(world: World) -> None:
    world.send("one.test")
    (pool,) = world.relays.pools
    assert (pool.config.max_idle, pool.config.max_age, pool.config.messages_per_connection) == (5.0, 300.0, 20)
    assert pool.config == MX_POOL
    timeouts = pool.endpoint.timeouts
    assert (timeouts.connect, timeouts.greeting, timeouts.ehlo, timeouts.starttls) == (30.0, 300.0, 300.0, 60.0)
    assert (timeouts.mail, timeouts.rcpt, timeouts.data, timeouts.body_block) == (300.0, 300.0, 120.0, 180.0)
    assert (timeouts.final_reply, timeouts.rset, timeouts.quit) == (600.0, 5.0, 2.0)


def test_a_host_is_reached_as_its_hop_and_the_template_say(world: World) -> None:
    world.routes["pinned.test"] = ((hop("a.test", PUBLISHED),),)
    world.send("pinned.test")
    (pool,) = world.relays.pools
    endpoint = pool.endpoint
    assert (endpoint.host, endpoint.port, endpoint.tls, endpoint.trust) == (
        "a.test",
        2525,
        TLSPolicy.REQUIRED,
        PUBLISHED,
    )
    assert endpoint.ehlo_name == "us.test"
    assert world.resolves == {world.resolve}


def test_domains_that_share_a_host_share_its_sessions(world: World) -> None:
    assert [world.send(domain) for domain in ("one.test", "same.test", "two.test")] == ["a.test"] * 3
    assert world.opened["a.test"] == 1


def test_what_tls_must_prove_divides_the_pools(world: World) -> None:
    for domain, trust in (("web.test", WebPKI()), ("dane.test", PUBLISHED)):
        world.routes[domain] = ((hop("a.test", trust),),)
        world.send(domain)
    world.send("one.test")
    assert world.opened["a.test"] == 3
    assert len(world.anchors) == 3, "what one learns is nothing to the others"
    assert len(world.relays.stats()) == 3


def test_the_next_host_is_tried_where_the_preferred_one_does_not_answer(world: World) -> None:
    world.faults["a.test"] = REFUSED
    assert world.send("two.test") == "b.test"


def test_hosts_of_equal_preference_share_the_mails(world: World) -> None:
    found = Counter(world.send("equal.test") for _ in range(100))
    assert min(found["c.test"], found["d.test"]) > 20


def test_what_a_host_did_to_one_domains_mails_is_known_for_the_others(world: World) -> None:
    world.faults["a.test"] = REFUSED
    for domain in ("one.test", "same.test"):
        with pytest.raises(DeliveryError, match="refused"):
            world.send(domain)
    with pytest.raises(RelayUnavailable):
        world.send("one.test")
    assert world.send("two.test") == "b.test"
    assert world.opened["a.test"] == 2


def test_a_certificate_that_one_domains_policy_refuses_keeps_nobody_elses_mail(world: World) -> None:
    world.routes["strict.test"] = ((hop("a.test", WebPKI()),),)
    world.faults["a.test "] = BAD_CERTIFICATE
    for _ in range(5):
        with pytest.raises((DeliveryError, RelayUnavailable), match="certificate not accepted"):
            world.send("strict.test")
    assert world.send("one.test") == "a.test"


def test_what_the_router_refuses_passes_through(world: World) -> None:
    world.routes["gone.test"] = NO_DOMAIN
    with pytest.raises(DeliveryError) as caught:
        world.relays.for_domain("gone.test")
    assert caught.value.taxonomy_id == "D2"


def test_each_mail_asks_the_router_anew(world: World) -> None:
    world.send("one.test")
    world.routes["one.test"] = ((hop("b.test"),),)
    assert world.send("one.test") == "b.test"


def test_a_deadline_goes_on_to_the_router_and_there_always_is_one(world: World) -> None:
    world.relays.for_domain("one.test", deadline=12.0)
    world.relays.for_domain("one.test")
    assert world.deadlines[0] == Deadline(12.0)
    assert world.deadlines[1].remaining <= 30.0


# the bound ------------------------------------------------------------------------------------------------------------


def crowd(count: int, most: int) -> World:
    world = World(most=most)
    world.routes = {f"{number}.test": ((hop(f"mx{number}.test"),),) for number in range(count)}
    return world


def hosts(world: World) -> list[str]:
    return [pool.endpoint.host for pool in world.relays.pools]


def test_the_hosts_that_were_not_used_the_longest_are_forgotten_first() -> None:
    world = crowd(10, most=3)
    for number in range(5):
        world.send(f"{number}.test")
    assert hosts(world) == ["mx2.test", "mx3.test", "mx4.test"]
    world.send("2.test")
    world.send("5.test")
    assert hosts(world) == ["mx4.test", "mx2.test", "mx5.test"]


def test_what_is_forgotten_is_closed() -> None:
    world = crowd(3, most=1)
    world.send("0.test")
    (pool,) = world.relays.pools
    assert pool.stats()["parked"] == 1
    world.send("1.test")
    assert pool.stats()["parked"] == 0


def test_a_host_that_is_in_use_is_not_forgotten() -> None:
    world = crowd(5, most=1)
    with ExitStack() as stack:
        for number in range(3):
            stack.enter_context(world.relays.for_domain(f"{number}.test").session(time.monotonic() + 5))
        assert hosts(world) == ["mx0.test", "mx1.test", "mx2.test"]
    world.send("3.test")
    assert hosts(world) == ["mx3.test"]


def test_one_domain_with_more_hosts_than_the_bound_keeps_them_all_while_it_needs_them() -> None:
    world = World(most=1)
    world.routes["many.test"] = ((hop("a.test"),), (hop("b.test"),), (hop("c.test"),))
    world.faults = {"a.test": REFUSED, "b.test": REFUSED}
    assert world.send("many.test") == "c.test"


def test_relays_that_somebody_holds_work_though_their_host_was_forgotten() -> None:
    world = crowd(3, most=1)
    held = world.relays.for_domain("0.test")
    world.send("1.test")
    assert hosts(world) == ["mx1.test"]
    with held.session(time.monotonic() + 5) as lent:
        assert list(lent.send_many([])) == [WELL]


# ends, threads, forks -------------------------------------------------------------------------------------------------


def test_after_the_end_nothing_is_lent(world: World) -> None:
    world.send("one.test")
    held = world.relays.for_domain("one.test")
    world.relays.close(0.0)
    with pytest.raises(PoolClosed):
        world.relays.for_domain("one.test")
    with pytest.raises(PoolClosed):
        held.session(time.monotonic() + 1).__enter__()


@pytest.mark.long
def test_threads_share_the_hosts() -> None:
    world = crowd(20, most=5)
    lost: list[BaseException] = []

    def work(seed: int) -> None:
        chance = random.Random(seed)  # noqa: S311 - chance that repeats
        try:
            for _ in range(100):
                relays = world.relays.for_domain(f"{chance.randrange(20)}.test")
                with relays.session(time.monotonic() + 30) as lent:
                    list(lent.send_many([]))
        except BaseException as error:  # noqa: BLE001 - told below
            lost.append(error)

    threads = [threading.Thread(target=work, args=(seed,)) for seed in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert lost == []
    world.send("0.test")
    assert len(world.relays.pools) <= 5


@pytest.mark.filterwarnings("ignore:.*multi-threaded:DeprecationWarning")  # from Python 3.12: that is what is tested
def test_a_child_goes_on_though_a_thread_of_its_parent_held_the_lock(world: World) -> None:
    world.send("one.test")
    with world.relays._lock:
        pid = os.fork()
        if pid == 0:
            code = 1
            try:
                world.send("one.test")
                code = 0 if world.opened["a.test"] == 2 else 2
            finally:
                os._exit(code)
        assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0


def test_what_is_to_be_expected_of_a_domain_is_what_was_seen_of_its_hosts_and_of_the_dns(world: World) -> None:
    world.faults["c.test"] = world.faults["d.test"] = REFUSED
    world.routes["gone.test"] = NO_DOMAIN
    world.send("one.test")
    for domain in ("equal.test", "gone.test"):
        with pytest.raises(DeliveryError):
            world.send(domain)
    assert [world.relays.prospect(one) for one in ("one.test", "same.test", "equal.test", "gone.test")] == [
        Prospect.CONNECTED,
        Prospect.UNKNOWN,
        Prospect.FAILING,
        Prospect.FAILING,
    ]


def test_so_many_domains_are_remembered(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(mx, "MOST_DOMAINS", 1)
    world.send("one.test")
    world.send("two.test")
    assert world.relays.prospect("one.test") is Prospect.UNKNOWN
    assert world.relays.prospect("two.test") is Prospect.CONNECTED
