"""`StoreTiming`: how long the server takes to answer, and to have something on its disk. Nothing of the ledger is touched."""

from __future__ import annotations

import time

from notifier.store.connection import LedgerConnection, Plain
from notifier.store.keys import Keys

GONE_AFTER = 10_000  # milliseconds


class StoreTiming:
    """Each question is a round trip of its own. Every method may raise `StoreUnavailable`."""

    def __init__(self, connection: LedgerConnection, keys: Keys) -> None:
        self._connection = connection
        self._keys = keys

    def round_trip(self) -> float:
        """Seconds that an answer takes for which the server does nothing."""
        began = time.perf_counter()
        self._connection.run([Plain(("PING",))])
        return time.perf_counter() - began

    def commit(self, octets: int) -> float:
        """Seconds until so many octets are written as durably as mails are (``NOTIFIER_DURABILITY``)."""
        words = ("SET", self._keys.scratch, b"-" * octets, "PX", GONE_AFTER)
        began = time.perf_counter()
        self._connection.run([Plain(words)], durably=True)
        return time.perf_counter() - began
