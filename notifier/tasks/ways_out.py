"""The accounts of the settings, joined with pools: for the courier with what all replicas share in the store, and for
sending at once without it.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping

from notifier.delivery.routing import Account, Smarthost
from notifier.model.breaker import BreakerRules, Breakers
from notifier.model.events import Listener
from notifier.pool import LocalBreakers, Member, Relays, SessionPool, Slots
from notifier.settings.relay import Relay
from notifier.settings.tenants import Account as AccountSettings
from notifier.store import RedisStore


class WaysOut:
    """Every account's relays. A relay that several accounts use in the same way has one pool."""

    def __init__(
        self,
        accounts: Mapping[str, AccountSettings],
        *,
        rules: BreakerRules,
        listener: Listener,
        store: RedisStore | None = None,
    ) -> None:
        self._rules = rules
        self._listener = listener
        self._store = store
        self._pools: dict[Relay, SessionPool] = {}
        self._breakers: Breakers = LocalBreakers() if store is None else store.breakers
        self.accounts = self._joined(accounts)

    def replace(self, accounts: Mapping[str, AccountSettings]) -> None:
        """Other relays, or other passwords: pools that are still meant are kept, and the others are drained."""
        before = self._pools
        self._pools = {}
        for relay in _relays(accounts):
            if relay in before:
                self._pools[relay] = before.pop(relay)
        self.accounts = self._joined(accounts)
        for pool in before.values():
            pool.close(0.0)  # what is lent goes on, and is closed when it comes back

    @property
    def pools(self) -> tuple[SessionPool, ...]:
        """Every pool."""
        return tuple(self._pools.values())

    def close(self, grace: float) -> None:
        """Close every pool, within ``grace`` seconds for all."""
        ends = time.monotonic() + grace
        for pool in self.pools:
            pool.close(max(0.0, ends - time.monotonic()))

    def _joined(self, accounts: Mapping[str, AccountSettings]) -> dict[str, Account]:
        return {name: self._account(account) for name, account in accounts.items()}

    def _account(self, account: AccountSettings) -> Account:
        tiers = [[Member(self._pool(relay), relay.weight) for relay in tier] for tier in account.relays]
        relays = Relays(tiers, self._breakers, rules=self._rules, listener=self._listener)
        sender = account.envelope_from
        return Account(Smarthost(relays), None if sender is None else sender.forward_path)

    def _pool(self, relay: Relay) -> SessionPool:
        if relay not in self._pools:
            self._pools[relay] = SessionPool(
                relay.endpoint, relay.pool, listener=self._listener, slots=self._slots(relay)
            )
        return self._pools[relay]

    def _slots(self, relay: Relay) -> Slots | None:
        if self._store is None:
            return None
        name = relay.endpoint.name
        return Slots(self._store.connections, name, name, relay.pool.connections)


def _relays(accounts: Mapping[str, AccountSettings]) -> Iterator[Relay]:
    for account in accounts.values():
        for tier in account.relays:
            yield from tier
