"""Several relays against a model: which are tried and in which order, what is raised, what the breakers are told."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field

from driven import driven
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from notifier.errors import (
    DeliveryError,
    ErrorClass,
    Fault,
    Phase,
    PoolClosed,
    PoolError,
    PoolTimeout,
    RelayUnavailable,
    Scope,
    fault_error,
)
from notifier.model.breaker import BreakerRule, BreakerRules, Permit, Place
from notifier.model.events import BreakerClosed, BreakerOpened, Event, RelayComplained
from notifier.model.outcome import Outcome, RecipientOutcome, RecipientState
from notifier.model.secret import Secret
from notifier.pool import LocalBreakers, Member, PoolConfig, Relays
from notifier.pool.relays import CLEAN_FOR
from notifier.smtp import Endpoint

RULES = BreakerRules(
    BreakerRule(consecutive=2, first=8.0, longest=32.0, probe=20.0),
    BreakerRule(consecutive=2, first=16.0, longest=64.0, probe=20.0),
)


def fault(row: str, scope: Scope, phase: Phase, code: int | None = None, enhanced: str | None = None) -> Fault:
    return Fault(row, ErrorClass.TRANSIENT, scope, phase, f"said {code}", code=code, enhanced=enhanced)


# What a relay does to whoever wants a session: its error, whose breaker that counts for, and whether another may do better.
FAULTS: dict[str, tuple[Fault, str | None, bool]] = {
    "is away": (fault("C1", Scope.HOST, Phase.CONNECT), "host", True),
    "knows no such password": (fault("A1", Scope.ACCOUNT, Phase.AUTH, 535), "account", True),
    "is not to be reached from here": (fault("C3", Scope.PROCESS, Phase.CONNECT), None, False),
    "is full": (fault("G1", Scope.HOST, Phase.GREETING, 421), None, True),
}
BUSY: dict[str, type[PoolError]] = {"has no session free": PoolTimeout, "is at its limit": RelayUnavailable}
CLOSED = "has closed"
WELL = "takes mails"
MOODS = [WELL, WELL, WELL, *FAULTS, *BUSY, CLOSED]

CLOSING = fault("R10", Scope.CONNECTION, Phase.RCPT, 421)
TOO_MUCH = fault("R10", Scope.CONNECTION, Phase.RCPT, 421, "4.7.0")
DEAD = fault("M0", Scope.CONNECTION, Phase.MAIL)
NO_SUCH_USER = fault("R7", Scope.RECIPIENT, Phase.RCPT, 550)
LETTERS: dict[str, Sequence[Fault | None]] = {  # what becomes of the mails of a session
    "go well": [None, None],
    "are refused": [NO_SUCH_USER],
    "break off": [CLOSING],
    "break off after one": [None, CLOSING],
    "are too many": [None, TOO_MUCH],
    "are too many from the first on": [TOO_MUCH],
    "are not sent": [],
    "find the session dead": [DEAD],
    "find the session dead after one": [None, DEAD],
}


def outcome(found: Fault | None) -> Outcome:
    state = RecipientState.ACCEPTED if found is None else RecipientState.DEFERRED
    return Outcome(0, {"a@x": RecipientOutcome(state, found)})


@dataclass
class Session:
    letters: Sequence[Fault | None]
    transactions: int = 0

    def send_many(self, mails: Sequence[object], *before: object) -> Iterator[Outcome]:
        yield from map(outcome, self.letters)


@dataclass
class Loan:
    pool: Pool
    log_in: Callable[[], None] | None = None
    fresh: bool = True

    def __enter__(self) -> Session:
        pool = self.pool
        pool.log.append(pool.endpoint.host)
        if self.log_in is not None:
            self.log_in()
        if pool.mood in FAULTS:
            raise fault_error(FAULTS[pool.mood][0])
        if pool.mood in BUSY:
            raise BUSY[pool.mood](pool.mood)
        if pool.mood == CLOSED:
            raise PoolClosed(pool.mood)
        return Session(LETTERS[pool.letters])

    def __exit__(self, kind: type[BaseException] | None, *error: object) -> None:
        if kind is None:
            self.pool.log.append(f"{self.pool.endpoint.host} has it back")


@dataclass
class Pool:
    """As much of a pool as relays look at. ``log``: who was asked for a session, and who has it back."""

    endpoint: Endpoint
    log: list[str]
    mood: str = WELL
    letters: str = "go well"
    config: PoolConfig = field(default_factory=PoolConfig)

    def session(self, deadline: float, log_in: Callable[[], None] | None = None) -> Loan:
        return Loan(self, log_in)

    def too_many(self, *, greeting: bool) -> int:
        return 3


class Clock:
    now = 100.0

    def __call__(self) -> float:
        return self.now


class Model:
    """The same rules once more, on breakers of its own."""

    def __init__(self, tiers: Sequence[Sequence[Member]], clock: Clock, seed: int) -> None:
        self.tiers, self.clock = tiers, clock
        self.members = [member for tier in tiers for member in tier]
        self.breakers = LocalBreakers(clock)
        self.rng = random.Random(seed)  # noqa: S311 - chance that repeats
        self.clean_until: dict[Place, float] = {}
        self.log: list[str] = []
        self.events: list[tuple[str, str]] = []

    def send(self) -> str:
        """What it comes to: the name of an error, or the host that got the mails."""
        came_to, waits = "", []
        for member in self.order():
            host, pool = member.pool.endpoint.host, member.pool
            assert isinstance(pool, Pool)
            permit = self.permit(member.place)
            if permit.wait:
                waits.append(permit.wait)
                continue
            self.log.append(host)
            if not self.may_log_in(member.place, permit):
                came_to = "RelayUnavailable"
                continue
            if pool.mood == WELL:
                self.logged_in(member, permit)
                self.learn(member, permit, LETTERS[pool.letters])
                self.log.append(f"{host} has it back")
                return host
            came_to = self.passed_over(member, permit, pool.mood)
            if pool.mood == CLOSED or (pool.mood in FAULTS and not FAULTS[pool.mood][2]):
                return came_to
        return came_to or f"wait {min(waits):.3f}"

    def order(self) -> Iterator[Member]:
        for tier in self.tiers:
            draws = [self.rng.random() ** (1 / member.weight) for member in tier] if len(tier) > 1 else [0.0]
            yield from (tier[at] for at in sorted(range(len(tier)), key=lambda at: -draws[at]))

    def permit(self, place: Place) -> Permit:
        if self.clock.now < self.clean_until.get(place, 0.0):
            return Permit()
        permit = self.breakers.permit(place)
        if permit.clean:
            self.clean_until[place] = self.clock.now + CLEAN_FOR
        return permit

    def may_log_in(self, place: Place, permit: Permit) -> bool:
        if place.account is None or permit.probe:
            return True
        if self.breakers.log_in(place, "the only one").wait:
            self.clean_until[place] = 0.0
            return False
        self.breakers.login_over(place, "the only one")
        return True

    def passed_over(self, member: Member, permit: Permit, mood: str) -> str:
        about = FAULTS[mood][1] if mood in FAULTS else None
        if mood in ("is full", "is at its limit"):
            self.clean_until[member.place] = 0.0
        if mood == "is full":
            self.events.append(("complained", member.pool.endpoint.name))
        if about is not None:
            self.failed(member, FAULTS[mood][0], about)
        elif permit.probe:
            self.breakers.forgo(member.place)
        if mood == "is full":
            return "at its limit"
        return BUSY[mood].__name__ if mood in BUSY else mood

    def failed(self, member: Member, found: Fault, about: str) -> None:
        self.clean_until[member.place] = 0.0
        rule = RULES.host if about == "host" else BreakerRule(1, first=16.0, longest=64.0, probe=20.0)
        if self.breakers.bad(member.place, "host" if about == "host" else "account", rule, str(found)):
            self.events.append((f"opened for {about}", member.pool.endpoint.name))

    def logged_in(self, member: Member, permit: Permit) -> None:
        if permit.probe and member.place.account is not None and self.breakers.logged_in(member.place):
            self.events.append(("closed", member.pool.endpoint.name))

    def learn(self, member: Member, permit: Permit, letters: Sequence[Fault | None]) -> None:
        if TOO_MUCH in letters:
            self.events.append(("complained", member.pool.endpoint.name))
        if letters and letters[0] in (CLOSING, TOO_MUCH):
            self.failed(member, letters[0], "host")
        elif not letters or letters[0] == DEAD:  # it is as it was, and another may probe
            if permit.probe:
                self.breakers.forgo(member.place)
        elif not permit.clean and self.breakers.good(member.place):
            self.events.append(("closed", member.pool.endpoint.name))


class RelaysMachine(RuleBasedStateMachine):
    """Two relays that share by weight, one with a login, and one behind them."""

    def __init__(self) -> None:
        super().__init__()
        self.clock, self.log, self.events = Clock(), list[str](), list[Event]()
        self.pools = [Pool(endpoint, self.log) for endpoint in (
            Endpoint("a", 25),
            Endpoint("b", 587, username="ann", password=Secret("s3cret")),
            Endpoint("c", 25),
        )]  # fmt: skip
        a, b, c = (Member(pool, weight) for pool, weight in zip(self.pools, (3, 1, 1), strict=True))  # type: ignore[arg-type]
        tiers = [[a, b], [c]]
        self.breakers = LocalBreakers(self.clock)
        self.relays = Relays(
            tiers,
            self.breakers,
            rules=RULES,
            listener=self.events.append,
            clock=self.clock,
            rng=random.Random(7).random,  # noqa: S311 - chance that repeats
        )
        self.model = Model(tiers, self.clock, 7)

    @rule(which=st.integers(0, 2), mood=st.sampled_from(MOODS))
    def relay(self, which: int, mood: str) -> None:
        self.pools[which].mood = mood

    @rule(which=st.integers(0, 2), letters=st.sampled_from(sorted(LETTERS)))
    def mails(self, which: int, letters: str) -> None:
        self.pools[which].letters = letters

    @rule(seconds=st.sampled_from([0.25, 1.0, 8.0, 20.0]))
    def time_passes(self, seconds: float) -> None:
        self.clock.now += seconds

    @rule(which=st.integers(0, 2))
    def other_replicas_fail(self, which: int) -> None:
        """They share the breakers; here it is heard of when the relay is asked about again."""
        place = self.model.members[which].place
        for breakers in (self.breakers, self.model.breakers):
            for _ in range(RULES.host.consecutive):
                breakers.bad(place, "host", RULES.host, "told by others")

    @rule(times=st.integers(1, 3), fails=st.booleans())
    def send(self, times: int, fails: bool) -> None:
        for _ in range(times):
            assert self.sent(fails=fails) == self.model.send()

    def sent(self, *, fails: bool) -> str:
        try:
            with self.relays.session(0.0) as lent:
                host = self.log[-1]
                list(lent.send_many([]))
                if fails:
                    raise LookupError
        except LookupError:
            self.log.append(f"{host} has it back")  # a pool is a fake here, and does not see to it
        except RelayUnavailable as error:
            return self.unavailable(error)
        except PoolClosed:
            return CLOSED
        except PoolError as error:
            return type(error).__name__
        except DeliveryError as error:
            return next(mood for mood, (found, *_) in FAULTS.items() if found == error.fault)
        return host

    @staticmethod
    def unavailable(error: RelayUnavailable) -> str:
        if "takes no more connections" in str(error):
            return "at its limit"
        return f"wait {error.retry_after:.3f}" if "may be tried now" in str(error) else type(error).__name__

    @invariant()
    def the_same_relays_were_asked_in_the_same_order(self) -> None:
        assert self.log == self.model.log

    @invariant()
    def the_same_was_told(self) -> None:
        assert list(map(_told, self.events)) == self.model.events


def _told(event: Event) -> tuple[str, str]:
    match event:
        case BreakerOpened(relay=relay, about=about):
            return f"opened for {about}", relay
        case BreakerClosed(relay=relay):
            return "closed", relay
        case RelayComplained(relay=relay):
            return "complained", relay
    raise AssertionError(event)


TestRelaysMachine = RelaysMachine.TestCase
TestRelaysMachine.settings = driven(150, steps=40)
