"""Claims last while their worker lives: a slow relay is no crash.

The keeper is a thread of the delivering process alone. Where that process is killed or frozen, so is the keeper, and the
leases end as they should.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Sequence
from types import TracebackType
from typing import Protocol, Self

from notifier.errors import StoreError
from notifier.store.base import Claim

log = logging.getLogger(__name__)


class LeaseStore(Protocol):
    """What the keeper needs of the store."""

    def renew(self, claims: Sequence[Claim]) -> None: ...


class LeaseKeeper:
    """Renews ``claims`` every ``interval`` seconds until the ``with`` block ends."""

    def __init__(self, store: LeaseStore, claims: Sequence[Claim], interval: float) -> None:
        self._store = store
        self._claims = claims
        self._interval = interval
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._keep, name="lease-keeper", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._over.set()
        self._thread.join()

    def _keep(self) -> None:
        while not self._over.wait(self._interval):
            try:
                self._store.renew(self._claims)
            except StoreError as error:  # the fence protects what the lease no longer does
                log.warning("leases not renewed: %s", error)
