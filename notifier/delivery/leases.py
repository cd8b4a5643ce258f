"""Claims last while their worker lives: a slow relay is no crash.

One thread of the delivering process renews for all of its slots; a thread for each batch cost a single mail more than its
settlement. Where that process is killed or frozen, so is the thread, and the leases end as they should.
"""

from __future__ import annotations

import logging
import os
import threading
import time
from collections.abc import Callable, Sequence
from types import TracebackType
from typing import Protocol, Self

from notifier.errors import StoreError
from notifier.store.base import Claim

log = logging.getLogger(__name__)

IDLE = 60.0  # seconds after which the thread looks again though nothing was to be renewed


class LeaseStore(Protocol):
    """What the keeper needs of the store."""

    def renew(self, claims: Sequence[Claim]) -> None: ...


class LeaseKeeper:
    """Renews ``claims`` every ``interval`` seconds until the ``with`` block ends. One renewal may be on its way then; the
    ledger takes none for a mail that is settled.
    """

    __slots__ = ("_claims", "_interval", "_store", "due")

    def __init__(self, store: LeaseStore, claims: Sequence[Claim], interval: float) -> None:
        self._store = store
        self._claims = claims
        self._interval = interval
        self.due = time.monotonic() + interval

    def __enter__(self) -> Self:
        _renewals.add(self)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        _renewals.discard(self)

    def renew(self) -> None:
        """Once, and not again for an interval."""
        self.due = time.monotonic() + self._interval
        try:
            self._store.renew(self._claims)
        except StoreError as error:  # the fence protects what the lease no longer does
            log.warning("leases not renewed: %s", error)


class _Word(LeaseKeeper):
    """What the store has not heard."""

    __slots__ = ("_say",)

    def __init__(self, say: Callable[[], object], interval: float) -> None:
        self._say = say
        self._interval = interval
        self.due = time.monotonic() + interval

    def renew(self) -> None:
        self.due = time.monotonic() + self._interval
        try:
            self._say()
        except StoreError as error:
            log.debug("said again soon: %s", error)
        else:
            _renewals.discard(self)


def say_until_heard(say: Callable[[], object], interval: float) -> None:
    """Say it to the store every ``interval`` seconds until it is there, for as long as this process lives."""
    _renewals.add(_Word(say, interval))


class _Renewals:
    """This process's keepers, and the thread that serves them; it begins with the first."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._keepers: set[LeaseKeeper] = set()
        self._thread: threading.Thread | None = None
        self._wakes = 0.0

    def add(self, keeper: LeaseKeeper) -> None:
        with self._changed:
            self._keepers.add(keeper)
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="lease-keeper", daemon=True)
                self._thread.start()
            elif keeper.due < self._wakes:
                self._changed.notify()

    def discard(self, keeper: LeaseKeeper) -> None:
        with self._changed:
            self._keepers.discard(keeper)

    def _run(self) -> None:
        while True:
            for keeper in self._awaited():
                keeper.renew()

    def _awaited(self) -> list[LeaseKeeper]:
        with self._changed:
            now = time.monotonic()
            self._wakes = min((keeper.due for keeper in self._keepers), default=now + IDLE)
            self._changed.wait(max(0.0, self._wakes - now))
            now = time.monotonic()
            return [keeper for keeper in self._keepers if keeper.due <= now]


_renewals = _Renewals()


def _after_fork_in_child() -> None:
    global _renewals  # noqa: PLW0603 - the thread is the parent's, and its lock may have been held
    _renewals = _Renewals()


os.register_at_fork(after_in_child=_after_fork_in_child)
