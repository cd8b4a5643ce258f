"""The pool against its model: whatever happens in whatever order, both say the same."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable, Sequence
from typing import NamedTuple
from unittest import mock

from driven import driven
from fake_relay import Clock, FakeRelay, FakeSession, pool_of
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule
from pool_model import Client, PoolModel

from notifier.errors import (
    DeliveryError,
    Phase,
    PoolClosed,
    PoolTimeout,
    RelayConnecting,
    RelayFull,
    RelayUnavailable,
    fault_error,
)
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
from notifier.pool import PoolConfig, SessionPool
from notifier.pool.slots import Turn
from notifier.protocol import taxonomy

SIZE = 3
IN_A_WHILE = 60.0  # seconds in which a thread must have done its part; a run that is well waits for none of them
WHICH = st.integers(0, 9)
REFUSED = taxonomy.fault("C1", Phase.CONNECT, "connection refused", host="relay.example:25")


class Interruption(BaseException):
    """A task's time limit, say."""


class OwnTime:
    """Each client has a clock of its own, which the machine moves: `Checkout.now`."""

    @staticmethod
    def monotonic() -> float:
        return getattr(threading.current_thread(), "now", 0.0)


class HeldBell:
    """Whoever waits for it goes on when the machine says so: after so many seconds, or with an exception."""

    def __init__(self) -> None:
        self.rung = False
        self._fates: queue.Queue[BaseException | float] = queue.Queue()

    def ring(self) -> None:
        assert not self.rung, "a bell that rings twice fails"
        self.rung = True

    def wait(self, seconds: float) -> None:
        client = threading.current_thread()
        assert isinstance(client, Checkout)
        client.bell = self
        client.paused.set()
        fate = self._fates.get()
        if isinstance(fate, BaseException):
            raise fate
        client.now += fate

    def go_on(self, fate: BaseException | float) -> None:
        self._fates.put(fate)


class HeldSlots:
    """Among all replicas it is one's turn to connect when the machine says so. ``taken``: by this process."""

    def __init__(self) -> None:
        self.refusal: RelayUnavailable | None = None
        self.waited = 0.0
        self.taken: set[str] = set()
        self.wrong: list[str] = []
        self._number = 0

    has_unsaid = False

    def begin(self) -> None:
        """Of a process that was forked: nothing is unsaid here."""

    def say(self) -> None:
        """All is said at once."""

    def take(self) -> Turn:
        if self.refusal is not None:
            raise self.refusal
        self._number += 1
        self.taken.add(str(self._number))
        return Turn(str(self._number), self.waited)

    def not_answering(self) -> RelayUnavailable:
        return RelayConnecting("others wait to be connected")

    def keep_turns(self, tokens: Sequence[str]) -> None:
        if not self.taken.issuperset(tokens):
            self.wrong.append(f"turns of {tokens} kept and {self.taken} taken")

    def forgo(self, token: str) -> None:
        self.release(token)

    def established(self, token: str) -> None:
        if token not in self.taken:
            self.wrong.append(f"{token} was never taken")

    def keep(self, tokens: Sequence[str]) -> None:
        if set(tokens) != self.taken:
            self.wrong.append(f"{tokens} kept and {self.taken} taken")

    def release(self, token: str) -> None:
        if token not in self.taken:
            self.wrong.append(f"{token} released once more, or it is the parent's")
        self.taken.discard(token)


class Checkout(threading.Thread):
    """A checkout in a thread of its own, and what it came to. Made, it has ended or waits for ``bell``."""

    def __init__(self, pool: SessionPool) -> None:
        super().__init__(daemon=True)
        self._context = pool.session(IN_A_WHILE)
        self.now = 0.0
        self.paused = threading.Event()  # it has ended, or waits
        self.bell: HeldBell | None = None
        self.session: FakeSession | None = None
        self.came_to: str | None = None
        self.start()
        assert self.paused.wait(IN_A_WHILE)

    def run(self) -> None:
        try:
            self.session = self._context.__enter__()  # type: ignore[assignment]
            self.came_to = "lent"
        except (PoolClosed, PoolTimeout, DeliveryError, Interruption) as error:
            words = {PoolClosed: "closed", PoolTimeout: "timeout", Interruption: "interrupted"}
            self.came_to = words.get(type(error), "refused")
        except RelayUnavailable:
            self.came_to = "no turn"
        finally:
            self.paused.set()

    def go_on(self, fate: BaseException | float) -> None:
        """Until it has ended, or waits again."""
        assert self.bell is not None
        self.paused.clear()
        self.bell.go_on(fate)
        assert self.paused.wait(IN_A_WHILE)

    def give_back(self, error: BaseException | None) -> None:
        self._context.__exit__(type(error) if error is not None else None, error, None)


class PoolMachine(RuleBasedStateMachine):
    """Every event, counter, session, reason and word of the pool is what the model has foretold."""

    def __init__(self) -> None:
        super().__init__()
        config = {"size": SIZE, "messages_per_connection": 4, "max_age": 50.0, "max_idle": 10.0}
        self.relay, self.clock, self.slots, self.pid = FakeRelay(most=SIZE), Clock(), HeldSlots(), 1
        self.told: list[tuple[object, ...]] = []
        self.first = 0  # session of this process
        self.seams = [
            mock.patch("os.getpid", self._pid),
            mock.patch("notifier.pool.places.Bell", HeldBell),
            mock.patch("notifier.pool.pool.time", OwnTime),
        ]
        for seam in self.seams:
            seam.start()
        self.model = PoolModel(PoolConfig(**config), self.clock.now)  # type: ignore[arg-type]
        self.pool = pool_of(
            self.relay,
            self.clock,
            self.listen,
            rng=lambda: self.model.chance,
            slots=self.slots,  # type: ignore[arg-type]
            **config,
        )
        self.uses = Uses(0, 0)
        self.out: list[tuple[Checkout, Client]] = []  # lent
        self.waiting: list[tuple[Checkout, Client]] = []
        self.of_parents: list[Checkout] = []  # they wait, and are no part of the child

    @initialize(alone=st.booleans())
    def begin(self, alone: bool) -> None:
        self.model.alone = alone
        if alone:
            self.pool._slots = None

    def listen(self, event: Event) -> None:
        self.uses = self.uses.and_(_uses(event))
        if not isinstance(event, SessionParked):  # the model need not say it: `uses` shows whether it is true
            self.told.append(_told(event, self.first - 1))

    def _pid(self) -> int:
        return self.pid

    def teardown(self) -> None:
        for checkout in (*self.of_parents, *(checkout for checkout, _ in self.waiting)):
            if checkout.came_to is None:
                checkout.go_on(Interruption())
        for seam in self.seams:
            seam.stop()

    # clients --------------------------------------------------------------------------------------------------------

    @rule(clients=st.integers(1, SIZE + 1))
    def check_out(self, clients: int) -> None:
        for _ in range(clients):
            client = self.model.ask()
            checkout = Checkout(self.pool)
            if client.came_to is None:
                assert checkout.came_to is None, "it came later and was served before others"
                self.waiting.append((checkout, client))
            else:
                self._ended(checkout, client)

    @precondition(lambda self: self._ready())
    @rule(which=WHICH)
    def wake(self, which: int) -> None:
        """One that was granted a place, or turned away, goes on; until now it held the place in its sleep."""
        ready = self._ready()
        checkout, client = ready[which % len(ready)]
        assert checkout.bell is not None
        assert checkout.bell.rung, "nobody waits in vain"
        self._go_on(checkout, client, self.model.look_again, 0.0)

    @precondition(lambda self: self.waiting)
    @rule(which=WHICH, interrupted=st.booleans())
    def wait_no_longer(self, which: int, interrupted: bool) -> None:
        """Its deadline comes, or an exception strikes: perhaps in the moment in which it was granted the place."""
        foretell = self.model.interrupt if interrupted else self.model.wait_no_longer
        self._go_on(*self.waiting[which % len(self.waiting)], foretell, Interruption() if interrupted else IN_A_WHILE)

    @precondition(lambda self: self.waiting and not self.model.alone)
    @rule(which=WHICH)
    def look_again(self, which: int) -> None:
        """Whoever waits looks now and then whether there is one connection more, and whether those before it get through."""
        self._go_on(*self.waiting[which % len(self.waiting)], self.model.look_again, 0.0)

    def _ready(self) -> list[tuple[Checkout, Client]]:
        return [(checkout, client) for checkout, client in self.waiting if client.granted or client.turned_away]

    def _go_on(
        self, checkout: Checkout, client: Client, foretell: Callable[[Client], None], fate: BaseException | float
    ) -> None:
        foretell(client)
        checkout.go_on(fate)
        assert checkout.came_to == client.came_to
        if client.came_to is not None:
            self.waiting.remove((checkout, client))
            self._ended(checkout, client)

    def _ended(self, checkout: Checkout, client: Client) -> None:
        assert checkout.came_to == client.came_to
        if client.session is not None:
            assert checkout.session is self.relay.sessions[client.session]
            assert not any(other.session is checkout.session for other, _ in self.out), "one session, two owners"
            assert checkout.session.is_alive()
            self.out.append((checkout, client))

    @precondition(lambda self: self.out)
    @rule(which=WHICH, mails=st.integers(0, 3), end=st.sampled_from(["well", "well", "well", "broken", "failed"]))
    def give_back(self, which: int, mails: int, end: str) -> None:
        checkout, client = self.out.pop(which % len(self.out))
        assert checkout.session is not None
        assert client.session is not None
        checkout.session.transactions += mails
        self.model.mails[client.session] += mails
        if end == "broken":
            checkout.session.usable = False
            self.model.doubtful.add(client.session)
        self.model.give_back(client, sound=end != "failed")
        checkout.give_back(LookupError() if end == "failed" else None)

    # the world ------------------------------------------------------------------------------------------------------

    @rule(seconds=st.floats(0, 30), tended=st.booleans(), chance=st.floats(0, 1))
    def time_passes(self, seconds: float, tended: bool, chance: float) -> None:
        self.clock.now += seconds
        self.model.now, self.model.chance = self.clock.now, chance
        if tended:
            self.model.tend()
            self.pool.tend()

    @precondition(lambda self: self._at_rest())
    @rule(which=WHICH)
    def relay_closes(self, which: int) -> None:
        """A session that nobody looks at: it is parked, or was granted to somebody who has not woken yet."""
        at_rest = self._at_rest()
        session = at_rest[which % len(at_rest)]
        self.relay.sessions[session].alive = False
        self.model.dead.add(session)

    def _at_rest(self) -> list[int]:
        granted = [client.session for _, client in self.waiting if client.session is not None]
        return [session for session in (*self.model.parked, *granted) if session not in self.model.dead]

    @rule(clients=st.integers(1, 2))
    def relay_refuses(self, clients: int) -> None:
        """Whoever has to open a session now has none; their places go on to the next."""
        self.relay.error, self.model.relay_is_down = fault_error(REFUSED), True
        self.check_out(clients)
        while ready := self._ready():
            self._go_on(*ready[0], self.model.look_again, 0.0)
        self.relay.error, self.model.relay_is_down = None, False

    @precondition(lambda self: not self.model.alone)
    @rule(refusal=st.sampled_from([None, "full", "connecting"]), retry_after=st.floats(0, 5), comes_later=st.booleans())
    def others_connect(self, refusal: str | None, retry_after: float, comes_later: bool) -> None:
        """From now on it is one's turn to connect at once, later, or not at all."""
        self.model.refusal, self.model.retry_after = refusal, retry_after
        self.model.turn_comes_later, self.slots.waited = comes_later, float(comes_later)
        kinds = {"full": RelayFull, "connecting": RelayConnecting}
        self.slots.refusal = None if refusal is None else kinds[refusal]("not now", retry_after)

    # operators ------------------------------------------------------------------------------------------------------

    @precondition(lambda self: self.model.parked or self.out)
    @rule()
    def drain(self) -> None:
        self.model.drain()
        self.pool.drain()

    @precondition(lambda self: not self.model.closed and (self.model.parked or self.out))
    @rule()
    def close(self) -> None:
        self.model.close()
        self.pool.close()

    @precondition(lambda self: self.model.closed)
    @rule()
    def open(self) -> None:
        self.model.open()
        self.pool.open()

    @precondition(lambda self: self.model.parked or self.out or self.waiting)
    @rule()
    def fork(self) -> None:
        """As the child sees it: what the parent had is nobody's here, and nothing is written on it."""
        self.pid += 1
        before = len(self.told)
        self.model.fork()
        self.pool.stats()
        self.told[before:] = sorted(self.told[before:])  # type: ignore[type-var]
        self.first = self.model.first
        self.slots.taken.clear()
        self.of_parents += [checkout for checkout, _ in self.waiting]
        self.waiting.clear()
        for checkout, _ in self.out:
            checkout.give_back(None)
            assert checkout.session is not None
            assert set(checkout.session.said) == {"abandon"}
        self.out.clear()

    # what always holds ----------------------------------------------------------------------------------------------

    @invariant()
    def it_says_what_the_model_says(self) -> None:
        assert dict(self.pool.stats()) == self.model.stats()
        assert repr(self.pool) == f"<SessionPool relay.example:25 {self.model}>"
        assert self.told == self.model.events

    @invariant()
    def the_relay_sees_what_the_model_sees(self) -> None:
        for session in self.relay.sessions:
            ended = self.model.ended.get(session.number)
            assert set(session.said) == (set() if ended is None else {ended})
        held = [*self.model.parked, *(one.session for one in self.model.holders if one.session is not None)]
        assert sorted(held) == [session.number for session in self.relay.connected]
        assert len(held) <= SIZE

    @invariant()
    def nothing_adds_up_wrongly(self) -> None:
        stats = dict(self.pool.stats())
        retired = sum(
            number for name, number in stats.items() if name.startswith("retired_") and name != "retired_fork"
        )
        assert stats.get("opened", 0) == retired + stats["parked"] + stats["lent"]

    @invariant()
    def whoever_listens_knows_how_many_are_lent_and_parked(self) -> None:
        stats = self.pool.stats()
        assert sum(self.uses) == stats["lent"] + stats["parked"]
        if not self.waiting:  # what was granted to somebody who has not woken yet is told to be parked
            assert self.uses == Uses(stats["lent"], stats["parked"])

    @invariant()
    def nobody_waits_beside_a_free_place(self) -> None:
        if self.model.queue:
            assert not self.model.parked
            assert len(self.model.holders) == self.model.places

    @invariant()
    def among_all_replicas_each_session_counts_until_it_is_closed(self) -> None:
        stats = self.pool.stats()
        assert self.slots.wrong == []
        assert len(self.slots.taken) == (0 if self.model.alone else stats["lent"] + stats["parked"])


class Uses(NamedTuple):
    """How many sessions are lent and parked, by the events alone."""

    lent: int
    parked: int

    def and_(self, other: Uses) -> Uses:
        return Uses(self.lent + other.lent, self.parked + other.parked)


def _uses(event: Event) -> Uses:
    match event:
        case SessionOpened():
            return Uses(1, 0)
        case SessionReused():
            return Uses(1, -1)
        case SessionParked():
            return Uses(-1, 1)
        case SessionRetired(lent=lent):
            return Uses(-lent, -(not lent))
    return Uses(0, 0)


def _told(event: Event, numbers: int) -> tuple[object, ...]:
    """A pool's numbers begin with 1, the model's with 0; after a fork the pool's begin anew, behind ``numbers``."""
    match event:
        case SessionOpened(session=number):
            return ("opened", number + numbers)
        case SessionReused(session=number, transactions=mails):
            return ("reused", number + numbers, mails)
        case SessionRetired(session=number, reason=reason, transactions=mails):
            return ("retired", number + numbers, reason, mails)
        case SessionWaited():
            return ("waited",)
        case SessionMissed(why=why):
            return ("no turn",) if why == "turn" else ("missed",)
        case SessionNotOpened():
            return ("not opened",)
    raise AssertionError(event)


TestPoolMachine = PoolMachine.TestCase
TestPoolMachine.settings = driven(80, steps=40)
