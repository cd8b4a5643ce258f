"""`Relays`: several relays as one. It chooses, fails over while nothing was handed over, and minds their breakers.

Tiers are tried in their order, the next one only where no relay of the one before can be used; within a tier relays are
chosen at random by their weights.
"""

from __future__ import annotations

import random
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from hashlib import sha256

from notifier.errors import (
    DeliveryError,
    Fault,
    Phase,
    PoolError,
    PoolTimeout,
    RelayConnecting,
    RelayFull,
    RelayUnavailable,
    Scope,
    StoreError,
)
from notifier.model.breaker import BreakerRules, Breakers, Permit, Place
from notifier.model.envelope import MailObject
from notifier.model.events import BreakerClosed, BreakerOpened, Listener, RelayComplained, ignore
from notifier.model.limits import Rate
from notifier.model.outcome import Outcome
from notifier.model.pause import NoPauses, Pause, Pauses
from notifier.model.prospect import Prospect
from notifier.pool.logins import Login
from notifier.pool.pool import SessionPool
from notifier.pool.verdicts import held_against, is_the_relays, is_too_much, says_nothing
from notifier.smtp import Endpoint, Session
from notifier.smtp.session import BeforeDot, BeforeWait

CLEAN_FOR = 1.0  # seconds in which a breaker that had nothing against a relay is not asked again
PAUSED_FOR = 60.0  # seconds until it is asked again whether a relay that another may stand in for goes on
FULL_WAIT = 2.0  # seconds until it is tried again at a relay that has all the connections that it takes
# What is not the mail's fault, so that another relay may do better, as long as nothing was handed over.
_FAIL_OVER = frozenset({Scope.HOST, Scope.ACCOUNT, Scope.CONNECTION})


@dataclass(slots=True)
class Member:
    """One relay of a tier, with its share of the tier's mails."""

    pool: SessionPool
    weight: int = 1
    clean_until: float = 0.0
    failing: bool = False  # as far as this process knows
    place: Place = field(init=False)
    rate: Rate | None = field(init=False)  # mails a second from all replicas together

    def __post_init__(self) -> None:
        """Work out its place, and its bucket."""
        self.place = place_of(self.pool.endpoint)
        per_second = self.pool.config.rate
        self.rate = None if per_second is None else Rate(f"relay {self.pool.endpoint.name}", per_second)

    @property
    def prospect(self) -> Prospect:
        """A relay that fails has sessions at times, which are dead."""
        if self.failing:
            return Prospect.FAILING
        return Prospect.CONNECTED if self.pool.connected else Prospect.UNKNOWN


class Lent:
    """A session that the relays have lent: it keeps in mind what the outcomes say about the relay."""

    def __init__(self, session: Session, member: Member) -> None:
        self._session = session
        self.rate = member.rate  # the bucket that each mail takes a token of
        self.fault: Fault | None = None  # the last one that is the relay's
        self.complaint: Fault | None = None  # the last one that says that it gets too much
        self.went_well = False

    @property
    def transactions(self) -> int:
        """See `Session.transactions`."""
        return self._session.transactions

    @property
    def usable(self) -> bool:
        """See `Session.usable`."""
        return self._session.usable

    @property
    def room(self) -> int:
        """See `Session.room`; one at least, for it was lent for that."""
        return max(1, self._session.room)

    @property
    def begun(self) -> tuple[Outcome, ...]:
        """See `Session.begun`."""
        return self._session.begun

    def send_many(
        self, mails: Sequence[MailObject], before_dot: BeforeDot | None = None, before_wait: BeforeWait | None = None
    ) -> Iterator[Outcome]:
        """See `Session.send_many`."""
        for outcome in self._session.send_many(mails, before_dot, before_wait):
            self._learn(outcome.faults)
            yield outcome

    def _learn(self, faults: Sequence[Fault]) -> None:
        self.complaint = next(filter(is_too_much, faults), self.complaint)
        bad = next((fault for fault in faults if is_the_relays(fault)), None)
        if bad is not None:
            self.fault = bad
        elif not any(map(says_nothing, faults)):
            self.went_well = True


class Relays:
    """``clock`` is monotonic seconds, ``rng`` gives 0 to 1."""

    def __init__(
        self,
        tiers: Sequence[Sequence[Member]],
        breakers: Breakers,
        *,
        pauses: Pauses = NoPauses(),  # noqa: B008 - it holds nothing
        rules: BreakerRules = BreakerRules(),  # noqa: B008 - immutable
        listener: Listener = ignore,
        clock: Callable[[], float] = time.monotonic,
        rng: Callable[[], float] = random.random,
    ) -> None:
        self._tiers = tiers
        self._breakers = breakers
        self._pauses = pauses
        self._rules = rules
        self._tell = listener
        self._clock = clock
        self._rng = rng

    @property
    def prospect(self) -> Prospect:
        """Of the worst relay of the first tier, which may be tried before any other."""
        return max((member.prospect for member in self._tiers[0]), default=Prospect.UNKNOWN)

    @contextmanager
    def session(self, deadline: float) -> Iterator[Lent]:
        """Lend a session to the first relay that can be used. ``deadline`` is monotonic seconds.

        Raises `RelayUnavailable` where none may be tried now, `PoolTimeout`, `PoolClosed`, or the `DeliveryError` of
        the last relay that was tried.
        """
        with ExitStack() as stack:
            member, permit, session = self._enter(stack, deadline)
            lent = Lent(session, member)
            stack.callback(self._learn, member, permit, lent)
            yield lent

    def _enter(self, stack: ExitStack, deadline: float) -> tuple[Member, Permit, Session]:
        error: DeliveryError | PoolError | None = None
        refused: list[tuple[Member, Permit]] = []
        for tier in self._tiers:
            connecting = False
            for member in self._in_turn(tier):
                permit = self._permit(member)
                if permit.wait > 0:
                    refused.append((member, permit))
                    continue
                login = Login(self._breakers, member.place, member.pool.endpoint.name)
                try:
                    return member, permit, self._borrowed(stack, member, permit, login, deadline)
                except (PoolTimeout, RelayUnavailable, DeliveryError) as failure:
                    error = self._passed_over(member, permit, failure)
                    connecting = connecting or isinstance(failure, RelayConnecting)
                except BaseException:
                    self._forgo(member, permit)
                    raise
                finally:  # the breakers know by now what became of it
                    login.over()
            if connecting:  # it may be well, and is known soon: the next tier stands in for relays that are not
                break
        raise error or _unavailable(refused)

    def _borrowed(self, stack: ExitStack, member: Member, permit: Permit, login: Login, deadline: float) -> Session:
        logs_in = member.place.account is not None
        # A probe is alone already.
        lending = member.pool.session(deadline, login.begin if logs_in and not permit.probe else None)
        session = stack.enter_context(lending)
        if permit.probe and lending.fresh and logs_in:  # a parked one has logged in long ago
            self._logged_in(member)
        return session

    def _passed_over(
        self, member: Member, permit: Permit, error: DeliveryError | PoolError
    ) -> DeliveryError | PoolError:
        """What is raised in the end, if no relay behind this one does better. Raises ``error`` where none would."""
        if isinstance(error, DeliveryError):
            error = self._full(member, error.fault) or error
        if isinstance(error, RelayUnavailable):
            member.clean_until = 0.0  # it may be its account's breaker that is open now
        if not (isinstance(error, DeliveryError) and self._failed(member, error.fault)):
            self._forgo(member, permit)
        if isinstance(error, DeliveryError) and error.fault.scope not in _FAIL_OVER:
            raise error
        return error

    def _full(self, member: Member, fault: Fault) -> RelayFull | None:
        """The error of a relay that has all the connections that it takes, and works: that is no outage."""
        if fault.phase is not Phase.GREETING or not is_too_much(fault):
            return None
        if not (connections := self._too_many(member, fault, greeting=True)):
            return None
        name = member.pool.endpoint.name
        return RelayFull(f"{name} takes no more connections than {connections}: {fault.text}", FULL_WAIT)

    def _too_many(self, member: Member, fault: Fault, *, greeting: bool) -> int:
        connections = member.pool.too_many(greeting=greeting)
        self._tell(RelayComplained(member.pool.endpoint.name, connections, str(fault)))
        return connections

    def _in_turn(self, tier: Sequence[Member]) -> Sequence[Member]:
        """The first of an order drawn so is each member by its weight."""
        if len(tier) == 1:
            return tier
        return sorted(tier, key=lambda member: self._rng() ** (1 / member.weight), reverse=True)

    # breakers -------------------------------------------------------------------------------------------------------

    def _permit(self, member: Member) -> Permit:
        name = member.pool.endpoint.name
        if (why := self._pauses.why(Pause("relay", name))) is not None:
            return Permit(PAUSED_FOR, clean=False, why=f"relay {name} is paused: {why}", paused=True)
        now = self._clock()
        if now < member.clean_until:
            return Permit()
        permit = self._breakers.permit(member.place)
        if permit.clean:
            member.clean_until, member.failing = now + CLEAN_FOR, False
        elif permit.wait > 0 or permit.probe:
            member.failing = True
        return permit

    def _forgo(self, member: Member, permit: Permit) -> None:
        """Nothing was learned of the relay: let another try, or nobody does until this probe is given up."""
        if permit.probe:
            with suppress(StoreError):
                self._breakers.forgo(member.place)

    def _logged_in(self, member: Member) -> None:
        """Let others log in from now on: they wait neither for these mails, nor for a worker that is killed with them."""
        with suppress(StoreError):
            if self._breakers.logged_in(member.place):
                self._tell(BreakerClosed(member.pool.endpoint.name))

    def _failed(self, member: Member, fault: Fault) -> bool:
        """True where it is held against the relay or the account."""
        found = held_against(fault, self._rules)
        if found is None:
            return False
        about, rule = found
        member.clean_until, member.failing = 0.0, True
        why = f"{fault.taxonomy_id} {fault.text}"
        if (seconds := self._breakers.bad(member.place, about, rule, why)) > 0:
            self._tell(BreakerOpened(member.pool.endpoint.name, about, seconds, why))
        return True

    def _learn(self, member: Member, permit: Permit, lent: Lent) -> None:
        """Tell the breakers, as far as the store takes it: a breaker is never in the way of a settlement."""
        if lent.complaint is not None:
            self._too_many(member, lent.complaint, greeting=False)
        try:
            # A connection that broke off after mails had gone well (many relays end it after so many) is no outage.
            if lent.went_well:
                self._well(member, permit)
            elif lent.fault is not None:
                self._failed(member, lent.fault)
            else:
                self._forgo(member, permit)
        except StoreError:
            member.clean_until = 0.0

    def _well(self, member: Member, permit: Permit) -> None:
        member.failing = False
        if not permit.clean and self._breakers.good(member.place):
            self._tell(BreakerClosed(member.pool.endpoint.name))

    # ends -----------------------------------------------------------------------------------------------------------

    def close(self, grace: float) -> None:
        """Close every pool, within ``grace`` seconds for all."""
        ends = time.monotonic() + grace
        for pool in self.pools:
            pool.close(max(0.0, ends - time.monotonic()))

    @property
    def pools(self) -> tuple[SessionPool, ...]:
        """The pool of every relay, in their order."""
        return tuple(member.pool for tier in self._tiers for member in tier)

    def stats(self) -> Mapping[str, Mapping[str, int]]:
        """Each relay's `SessionPool.stats`, with the user where one logs in; of pools that are called alike, together."""
        found: dict[str, Counter[str]] = {}
        for pool in self.pools:
            called = " ".join(filter(None, (pool.endpoint.name, pool.endpoint.username)))
            found.setdefault(called, Counter()).update(pool.stats())
        return found

    def __repr__(self) -> str:
        tiers = " then ".join(" or ".join(member.pool.endpoint.name for member in tier) for tier in self._tiers)
        return f"<Relays {tiers}>"


def place_of(endpoint: Endpoint) -> Place:
    """Which breakers are an endpoint's.

    With another password it is another account: what failed with the old one is not held against it. Two octets of a
    digest are enough to see that, and too few to guess the password by.
    """
    # A host whose certificate one domain's policy refuses is as good as ever for the others.
    relay = " ".join(filter(None, (endpoint.name, endpoint.tls, endpoint.trust.label)))
    if endpoint.credentials is None:
        return Place(relay)
    secret = endpoint.password.reveal() if endpoint.password is not None else ""
    generation = sha256(f"{relay}\0{endpoint.username}\0{secret}".encode()).hexdigest()[:4]
    return Place(relay, f"{endpoint.username} {generation}")


def _unavailable(refused: Sequence[tuple[Member, Permit]]) -> RelayUnavailable:
    member, permit = min(refused, key=lambda pair: pair[1].wait)
    names = ", ".join(one.pool.endpoint.name for one, _ in refused)
    paused = str(Pause("relay", member.pool.endpoint.name)) if permit.paused else None
    return RelayUnavailable(f"no relay may be tried now ({names}): {permit.why}", permit.wait, paused)
