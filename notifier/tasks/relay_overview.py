"""How each relay of the settings stands, for people: breakers, connections, rates. What no worker has in common is not here."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from notifier.model.breaker import Opened
from notifier.model.limits import Rate
from notifier.model.pause import Pause
from notifier.pool import PoolConfig
from notifier.pool.relays import place_of
from notifier.settings.mx import MxDelivery
from notifier.smtp import Endpoint
from notifier.store.relay_figures import RelayConnections
from notifier.tasks.runtime import Runtime, runtime


@dataclass(frozen=True, slots=True)
class RelayStands:
    """``accounts`` that use it. ``weight`` and ``tier`` are those of the first. ``why`` it is paused, or nothing."""

    name: str
    accounts: Sequence[str]
    tls: str
    pool: PoolConfig
    opened: Sequence[Opened]
    connections: RelayConnections
    paused: str | None


@dataclass(frozen=True, slots=True)
class RateStands:
    """``share``: what is left of it since relays have said that it is too fast."""

    name: str
    per_second: float
    share: float


def relays_stand() -> list[RelayStands]:
    """Each relay. The recipients' own servers (``mx://``) are left out: nobody has a list of them. Raises `StoreUnavailable`."""
    mine = runtime()
    users: dict[Endpoint, tuple[PoolConfig, list[str]]] = {}
    for account, endpoint, pool in _ways(mine):
        users.setdefault(endpoint, (pool, []))[1].append(account)
    paused = mine.store.pauses()
    return [
        RelayStands(
            endpoint.name,
            accounts,
            str(endpoint.tls),
            pool,
            mine.store.breakers.opened(place_of(endpoint)),
            mine.store.relay_figures.connections(endpoint.name),
            paused.get(Pause("relay", endpoint.name)),
        )
        for endpoint, (pool, accounts) in users.items()
    ]


def delivers_directly() -> bool:
    """True where some mails go to the recipients' own servers."""
    return any(isinstance(account.relays, MxDelivery) for account in runtime().settings.accounts.values())


def rates_stand() -> list[RateStands]:
    """Each rate that is set, of tenants, relays and domains. Raises `StoreUnavailable`."""
    mine = runtime()
    figures = mine.store.relay_figures
    return [RateStands(rate.key, rate.per_second, figures.share(rate.key)) for rate in dict.fromkeys(_rates(mine))]


def _ways(mine: Runtime) -> Iterator[tuple[str, Endpoint, PoolConfig]]:
    for name, account in mine.settings.accounts.items():
        if not isinstance(account.relays, MxDelivery):
            for tier in account.relays:
                for relay in tier:
                    yield name, relay.endpoint, relay.pool


def _rates(mine: Runtime) -> Iterator[Rate]:
    for tenant in mine.settings.matrix.tenants.values():
        if tenant.rate is not None:
            yield tenant.rate
    for _, endpoint, pool in _ways(mine):
        if pool.rate is not None:
            yield Rate(f"relay {endpoint.name}", pool.rate)
    for domain in mine.settings.domain_rates.named:
        if (rate := mine.settings.domain_rates.of(domain)) is not None:
            yield rate
