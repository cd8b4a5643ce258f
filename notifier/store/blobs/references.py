"""Which blobs the records of any queue still refer to."""

from __future__ import annotations

from collections.abc import Sequence

from notifier.store.connection import LedgerConnection
from notifier.store.keys import Keys


def referenced(names: Sequence[str], queues: Sequence[str], connection: LedgerConnection, keys: Keys) -> frozenset[str]:
    """Those of the names. One round trip."""
    if not names:
        return frozenset()
    answers = connection.ask(*(("HMGET", keys.references(queue), *names) for queue in queues))
    return frozenset(name for counts in answers for name, count in zip(names, counts, strict=True) if count is not None)
