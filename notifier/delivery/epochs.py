"""The ledger's epoch (rule r9): each worker remembers whose data it works on, and says loudly when it is another's.

It goes on with the new data. Claims of the old are refused at their dot by the ledger itself, for their records are gone.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from notifier.model.events import LedgerChanged, Listener
from notifier.store.base import Epoch, EpochChange, Store

RESTORED = "restored"


def marks_before_restores(changes: Sequence[EpochChange], mark: str) -> Iterator[str]:
    """The marks that data of this mark had before it was restored, newest first; ``changes``: newest last."""
    for change in reversed(changes):
        if change.why == RESTORED and change.mark == mark:
            mark = change.was
            yield mark


class EpochWatch:
    """One process's memory of its ledger. Not shared between threads: the sweeper looks."""

    def __init__(self, store: Store, listener: Listener) -> None:
        self._store = store
        self._listener = listener
        self._remembered: Epoch | None = None

    def look(self) -> None:
        """Compare the ledger with what is remembered. Raises `StoreError`."""
        epoch, change = self._store.look(self._remembered)
        parked = 0
        if change is not None and change.why == RESTORED:
            parked = self._park(change)
            self._store.restore_is_over(epoch.mark)
        self._remembered = (
            epoch  # last: where parking failed, the next look finds the change again, and so does another worker's
        )
        if change is not None:
            self._listener(LedgerChanged(change.was, change.mark, change.why, parked))

    def _park(self, change: EpochChange) -> int:
        return sum(self._store.park_after_restore(queue, change.at) for queue in self._store.queues())
