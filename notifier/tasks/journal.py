"""What the journal of this host holds is told to the ledger by the main process of each of its workers."""

from __future__ import annotations

from notifier.delivery.late import tell_late
from notifier.tasks.runtime import runtime


def tell_journal() -> None:
    """Before each sweep, so that nothing which lies on this host's disk is called unknown. Raises `StoreUnavailable`."""
    mine = runtime()
    tell_late(mine.journal, mine.store, mine.store.epoch(), mine.listener)
