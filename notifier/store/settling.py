"""Settlements into the ledger, those of one queue by one call of the script: what a call costs by itself is most of what a
settlement costs the server.
"""

from __future__ import annotations

from collections.abc import Sequence

from notifier.store.base import Settlement

MOST = 100  # settlements in one call: the server does nothing else meanwhile


def portions_of(settlements: Sequence[Settlement]) -> list[list[Settlement]]:
    """All of them, in as few calls as may be; those of one queue stay in their order."""
    queues: dict[str, list[Settlement]] = {}
    for one in settlements:
        queues.setdefault(one.claim.email.queue, []).append(one)
    return [theirs[at : at + MOST] for theirs in queues.values() for at in range(0, len(theirs), MOST)]
