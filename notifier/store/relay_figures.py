"""What the ledger has counted of relays and rates, for people: nothing is taken or given by asking."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import NamedTuple

from notifier.store.connection import LedgerConnection
from notifier.store.keys import Keys
from notifier.store.limits import RECOVER
from notifier.store.records import ms


class RelayConnections(NamedTuple):
    """``live`` from all replicas. ``allowed``: how many the relay takes since it has complained; None where it has not.

    ``holders``: how many of them each worker has, by its place (`WorkerRecord.place`); what an older version has is nobody's.
    """

    live: int
    allowed: int | None
    holders: Mapping[str, int]


class RelayFigures:
    """Every method may raise `StoreUnavailable`."""

    def __init__(self, connection: LedgerConnection, keys: Keys) -> None:
        self._connection = connection
        self._keys = keys

    def connections(self, relay: str) -> RelayConnections:
        """How many there are to the relay, as ``connections.lua`` counts them."""
        prefix, now = self._keys.relay(relay), self._now()
        tokens, throttle = self._connection.ask(
            ("ZRANGEBYSCORE", f"{prefix}live", f"({now}", "+inf"),
            ("HMGET", f"{prefix}throttle", "limit", "at", "peak"),
        )
        limit, at, peak = (int(float(one)) if one else 0 for one in throttle)
        allowed = limit + (now - at) // ms(RECOVER)
        holders = Counter(token.decode("utf-8", "replace").partition(" ")[2] for token in tokens)
        return RelayConnections(len(tokens), allowed if limit and allowed <= peak else None, holders)

    def share(self, rate: str) -> float:
        """What is left of a rate since relays have said that mail comes too fast, as ``rates.lua`` counts it."""
        ((share, at),) = self._connection.ask(("HMGET", f"{self._keys.limits}slow:{rate}", "share", "at"))
        if share is None:
            return 1.0
        return min(1.0, float(share) + (self._now() - int(float(at))) // ms(RECOVER) / 10)

    def _now(self) -> int:
        ((seconds, millionths),) = self._connection.ask(("TIME",))
        return ms(int(seconds) + int(millionths) / 1e6)
