"""What the ledger has counted of relays and rates, for people: nothing is taken or given by asking."""

from __future__ import annotations

from typing import NamedTuple

from notifier.store.connection import LedgerConnection
from notifier.store.keys import Keys
from notifier.store.limits import RECOVER
from notifier.store.records import ms


class RelayConnections(NamedTuple):
    """``live`` from all replicas. ``allowed``: how many the relay takes since it has complained; None where it has not."""

    live: int
    allowed: int | None


class RelayFigures:
    """Every method may raise `StoreUnavailable`."""

    def __init__(self, connection: LedgerConnection, keys: Keys) -> None:
        self._connection = connection
        self._keys = keys

    def connections(self, relay: str) -> RelayConnections:
        """How many there are to the relay, as ``connections.lua`` counts them."""
        prefix, now = self._keys.relay(relay), self._now()
        live, throttle = self._connection.ask(
            ("ZCOUNT", f"{prefix}live", f"({now}", "+inf"), ("HMGET", f"{prefix}throttle", "limit", "at", "peak")
        )
        limit, at, peak = (int(float(one)) if one else 0 for one in throttle)
        allowed = limit + (now - at) // ms(RECOVER)
        return RelayConnections(int(live), allowed if limit and allowed <= peak else None)

    def share(self, rate: str) -> float:
        """What is left of a rate since relays have said that mail comes too fast, as ``rates.lua`` counts it."""
        ((share, at),) = self._connection.ask(("HMGET", f"{self._keys.limits}slow:{rate}", "share", "at"))
        if share is None:
            return 1.0
        return min(1.0, float(share) + (self._now() - int(float(at))) // ms(RECOVER) / 10)

    def _now(self) -> int:
        ((seconds, millionths),) = self._connection.ask(("TIME",))
        return ms(int(seconds) + int(millionths) / 1e6)
