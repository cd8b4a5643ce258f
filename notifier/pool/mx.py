"""`MxRelays`: the relays of each recipient's domain, its MX hosts. Pools are shared by the domains that share a host.

Where a domain's mail goes is asked of the router each time, which answers out of what its resolver keeps: so a route is
as old as its TTL allows, and no older.
"""

from __future__ import annotations

import os
import random
import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import partial
from typing import Protocol

from notifier.errors import PoolClosed
from notifier.model.breaker import BreakerRules, Breakers
from notifier.model.events import Listener, ignore
from notifier.model.pause import NoPauses, Pauses
from notifier.model.prospect import Prospect
from notifier.pool.config import PoolConfig
from notifier.pool.pool import SessionPool
from notifier.pool.relays import Member, Relays
from notifier.pool.slots import Slots
from notifier.smtp import Endpoint, Quota, Session, Window
from notifier.smtp.dane import Anchors
from notifier.smtp.deadline import Deadline
from notifier.smtp.mx import Hop, Route
from notifier.smtp.resolving import Resolve

# The mx:// column of the one table: strangers count connections, and want few mails on each.
MX_POOL = PoolConfig(size=2, messages_per_connection=20, max_age=300.0, max_idle=5.0)
MOST_POOLS = 100  # hosts that are remembered; each may have sessions parked, and a thread that looks after them
MOST_DOMAINS = 1000  # of which is remembered how they did
LOOKUPS = 30.0  # seconds for all that routing asks, as for a TCP connection
# Nobody holds this at a fork: it is taken in the first call of a child only.
_AFTER_FORK = threading.Lock()


class Routes(Protocol):
    """What is needed of a `notifier.smtp.mx.Router`."""

    def route(self, domain: str, deadline: Deadline) -> Route: ...


class MxRelays:
    """Safe to share between threads and after a fork.

    ``template`` is the endpoint of every host but for its name and its TLS; ``resolve`` gives the addresses that may be
    connected to (`Router.hosts`). ``slots_of``: the connections to a host that all replicas may have together.
    """

    def __init__(
        self,
        routes: Routes,
        template: Endpoint,
        breakers: Breakers,
        *,
        resolve: Resolve,
        config: PoolConfig = MX_POOL,
        slots_of: Callable[[Endpoint], Slots | None] = lambda _: None,
        pauses: Pauses = NoPauses(),  # noqa: B008 - it holds nothing
        rules: BreakerRules = BreakerRules(),  # noqa: B008 - immutable
        listener: Listener = ignore,
        clock: Callable[[], float] = time.monotonic,
        rng: Callable[[], float] = random.random,
        most: int = MOST_POOLS,
        open_session: Callable[..., Session] = Session.open,
    ) -> None:
        self._routes = routes
        self._template = template
        self._config = config
        self._slots_of = slots_of
        self._relays = partial(
            Relays, breakers=breakers, pauses=pauses, rules=rules, listener=listener, clock=clock, rng=rng
        )
        self._pool = partial(SessionPool, config=config, clock=clock, rng=rng, listener=listener)
        self._open_session = partial(open_session, resolve=resolve)
        self._most = most
        self._closed = False
        self._pid = os.getpid()
        self._lock = threading.Lock()
        self._members: OrderedDict[Endpoint, Member] = OrderedDict()  # the most recently used at the end
        self._domains: OrderedDict[str, Relays | None] = (
            OrderedDict()
        )  # the same; None: nobody knows where its hosts are

    def for_domain(self, domain: str, deadline: float | None = None) -> Relays:
        """The relays for a recipient's domain, as the DNS has them now. ``deadline`` is monotonic seconds.

        Raises a `DeliveryError` leaf: rows D2 to D7, L2; `PoolClosed`.
        """
        ends = Deadline.after(LOOKUPS) if deadline is None else Deadline(deadline)
        self._remember(domain, None)
        route = self._routes.route(domain, ends)
        members, evicted = self._chosen(route)
        for member in evicted:
            member.pool.drain()  # and not closed: somebody may hold it, a moment before asking for a session
        relays = self._relays(members)
        self._remember(domain, relays)
        return relays

    def prospect(self, domain: str) -> Prospect:
        """Of the hosts that the domain had when its mail was last sent. Nothing is looked up."""
        self._begin_anew_after_a_fork()
        with self._lock:
            if domain not in self._domains:
                return Prospect.UNKNOWN
            relays = self._domains[domain]
        return Prospect.FAILING if relays is None else relays.prospect

    def _remember(self, domain: str, relays: Relays | None) -> None:
        self._begin_anew_after_a_fork()
        with self._lock:
            self._domains[domain] = relays
            self._domains.move_to_end(domain)
            if len(self._domains) > MOST_DOMAINS:
                self._domains.popitem(last=False)

    def _chosen(self, route: Route) -> tuple[list[list[Member]], list[Member]]:
        self._begin_anew_after_a_fork()
        with self._lock:
            if self._closed:
                raise PoolClosed("the pools of the MX hosts are closed")
            members = [[self._member(hop) for hop in tier] for tier in route]
            return members, self._too_many({id(member) for tier in members for member in tier})

    def _member(self, hop: Hop) -> Member:
        """Under the lock: the host's pool, which is now the most recently used."""
        endpoint = replace(self._template, host=hop.host, tls=hop.tls, trust=hop.trust)
        member = self._members.get(endpoint)
        if member is None:
            window, quota = Window(endpoint.window), Quota(self._config.messages_per_connection)
            opened = partial(self._open_session, window=window, quota=quota, anchors=Anchors())
            member = Member(self._pool(endpoint, open_session=opened, slots=self._slots_of(endpoint)))
            self._members[endpoint] = member
        self._members.move_to_end(endpoint)
        return member

    def _too_many(self, wanted: set[int]) -> list[Member]:
        """Under the lock: take out what is over the bound and idle, the least recently used first."""
        idle = [key for key, one in self._members.items() if id(one) not in wanted and not _is_busy(one.pool)]
        return [self._members.pop(key) for key in idle[: max(0, len(self._members) - self._most)]]

    def _begin_anew_after_a_fork(self) -> None:
        """Another thread may have held the lock. The pools see to their own."""
        if self._pid == os.getpid():
            return
        with _AFTER_FORK:
            if self._pid != os.getpid():
                self._lock, self._pid = threading.Lock(), os.getpid()

    # ends -----------------------------------------------------------------------------------------------------------

    def close(self, grace: float) -> None:
        """Close every pool, within ``grace`` seconds for all."""
        self._begin_anew_after_a_fork()
        with self._lock:
            self._closed = True
        ends = time.monotonic() + grace
        for pool in self.pools:
            pool.close(max(0.0, ends - time.monotonic()))

    @property
    def pools(self) -> tuple[SessionPool, ...]:
        """Of every host that is remembered, the least recently used first."""
        self._begin_anew_after_a_fork()
        with self._lock:
            return tuple(member.pool for member in self._members.values())

    def stats(self) -> Mapping[str, Mapping[str, int]]:
        """Each host's `SessionPool.stats`."""
        return {f"{pool.endpoint.name} {pool.endpoint.trust.label}".rstrip(): pool.stats() for pool in self.pools}

    def __repr__(self) -> str:
        return f"<MxRelays {len(self._members)} hosts>"


def _is_busy(pool: SessionPool) -> bool:
    stats = pool.stats()
    return stats["lent"] > 0 or stats["waiting"] > 0
