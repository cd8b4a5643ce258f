"""The accounts of the settings, joined with pools: for the courier with what all replicas share in the store, and for
sending at once without it.
"""

from __future__ import annotations

import os
import socket
import time
from collections.abc import Iterable, Iterator, Mapping
from functools import partial
from weakref import WeakValueDictionary

from notifier.delivery.routing import Account, OwnServers, Smarthost, Ways
from notifier.model.breaker import BreakerRules, Breakers
from notifier.model.events import Listener
from notifier.model.pause import NoPauses, Pauses
from notifier.model.worker import place_of_worker
from notifier.pool import LocalBreakers, Member, PoolConfig, Relays, SessionPool, Slots, Unsaid
from notifier.pool.mx import MxRelays
from notifier.settings.mx import MxDelivery
from notifier.settings.relay import Relay
from notifier.settings.tenants import Account as AccountSettings
from notifier.settings.ways import Way
from notifier.smtp import Endpoint, Session
from notifier.smtp.mx import Router
from notifier.store import RedisStore

_Key = tuple[Endpoint, PoolConfig]
_worker = ""  # whose connections these are; nobody asks where no worker has begun


def begin_worker() -> None:
    """In the worker's main process, before it forks: its children's connections are told to be its own."""
    global _worker  # noqa: PLW0603 - one worker a process
    _worker = place_of_worker(socket.gethostname(), os.getpid())


class WaysOut:
    """Every account's relays. A relay that several accounts use in the same way has one pool, whatever its weight among others
    is: sessions differ by their endpoint, and pools by their bounds.

    Raises `ConfigurationError` for ``mx://`` without what it needs.
    """

    def __init__(
        self,
        accounts: Mapping[str, AccountSettings],
        *,
        rules: BreakerRules,
        listener: Listener,
        store: RedisStore | None = None,
        transcripts: bool = False,
    ) -> None:
        self._rules = rules
        self._listener = listener
        self._store = store
        self._transcripts = transcripts
        self._pools: dict[_Key, SessionPool] = {}
        self._direct: dict[MxDelivery, MxRelays] = {}
        self._unsaid: WeakValueDictionary[str, Unsaid] = WeakValueDictionary()
        self._pauses: Pauses = NoPauses() if store is None else store.pause_board
        self._breakers: Breakers = LocalBreakers() if store is None else store.breakers
        self.accounts = self._joined(accounts)

    def replace(self, accounts: Mapping[str, AccountSettings]) -> None:
        """Other relays, or other passwords: pools that are still meant are kept, and the others are drained."""
        pools, direct = self._pools, self._direct
        ways = [account.relays for account in accounts.values()]
        self._direct = {way: direct.pop(way) for way in ways if isinstance(way, MxDelivery) and way in direct}
        self._pools = {key: pools.pop(key) for key in map(_key, _relays(ways)) if key in pools}
        self.accounts = self._joined(accounts)
        left: list[SessionPool | MxRelays] = [*pools.values(), *direct.values()]
        for one in left:
            one.close(0.0)  # what is lent goes on, and is closed when it comes back

    @property
    def pools(self) -> tuple[SessionPool, ...]:
        """Every pool."""
        return (*self._pools.values(), *(pool for one in self._direct.values() for pool in one.pools))

    def close(self, grace: float) -> None:
        """Close every pool, within ``grace`` seconds for all."""
        ends = time.monotonic() + grace
        every: list[SessionPool | MxRelays] = [*self._pools.values(), *self._direct.values()]
        for one in every:
            one.close(max(0.0, ends - time.monotonic()))

    def _joined(self, accounts: Mapping[str, AccountSettings]) -> dict[str, Account]:
        return {name: self._account(account) for name, account in accounts.items()}

    def _account(self, account: AccountSettings) -> Account:
        sender = account.envelope_from
        return Account(self._ways(account.relays), None if sender is None else sender.forward_path)

    def _ways(self, way: Way) -> Ways:
        if isinstance(way, MxDelivery):
            return OwnServers(self._own_servers(way))
        tiers = [[Member(self._pool(relay), relay.weight) for relay in tier] for tier in way]
        return Smarthost(Relays(tiers, self._breakers, pauses=self._pauses, rules=self._rules, listener=self._listener))

    def _own_servers(self, way: MxDelivery) -> MxRelays:
        if way not in self._direct:
            router = Router.open(way.rules, port=way.template.port, ca_file=way.template.ca_file)
            self._direct[way] = MxRelays(
                router,
                way.template,
                self._breakers,
                resolve=router.hosts.resolve,
                config=way.pool,
                slots_of=lambda endpoint: self._slots(endpoint, way.pool.connections),
                pauses=self._pauses,
                rules=self._rules,
                listener=self._listener,
                open_session=partial(Session.open, transcript=self._transcripts),
            )
        return self._direct[way]

    def _pool(self, relay: Relay) -> SessionPool:
        if (key := _key(relay)) not in self._pools:
            self._pools[key] = SessionPool(
                relay.endpoint,
                relay.pool,
                listener=self._listener,
                slots=self._slots(relay.endpoint, relay.pool.connections),
                transcript=self._transcripts,
            )
        return self._pools[key]

    def _slots(self, endpoint: Endpoint, most: int | None) -> Slots | None:
        if self._store is None:
            return None
        unsaid = self._unsaid.setdefault(endpoint.name, Unsaid())
        return Slots(self._store.connections, endpoint.name, endpoint.name, most, holder=_worker, unsaid=unsaid)


def _key(relay: Relay) -> _Key:
    return relay.endpoint, relay.pool


def _relays(ways: Iterable[Way]) -> Iterator[Relay]:
    for way in ways:
        if not isinstance(way, MxDelivery):
            for tier in way:
                yield from tier
