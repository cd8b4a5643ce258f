"""`RedisHooks`: what hooks are still to be told. The ledger's own edges write it, so that no settlement is without it."""

from __future__ import annotations

from typing import Any

from notifier.model.hook import HookEvent, HookKind
from notifier.store.connection import Call, LedgerConnection
from notifier.store.keys import Keys
from notifier.store.records import ms
from notifier.store.round_trips import Argument


class RedisHooks:
    """One backlog for each queue and kind; one worker at a time tells it, oldest first. Durations are seconds.

    Every method may raise `StoreUnavailable`.
    """

    def __init__(self, connection: LedgerConnection, keys: Keys) -> None:
        self._connection = connection
        self._keys = keys

    def due(self, queue: str, kind: HookKind, ring: float) -> bool:
        """True where somebody is to be rung for; not again for ``ring`` seconds, unless he has come and gone."""
        return bool(self._run(queue, "due", kind, ms(ring)))

    def take(self, queue: str, kind: HookKind, owner: str, lease: float, limit: int) -> tuple[int, list[HookEvent]]:
        """How many were dropped since the last time, and the oldest events; none where another worker tells them."""
        dropped, *rest = self._run(queue, "take", kind, owner, ms(lease), limit)
        pairs = zip(rest[::2], rest[1::2], strict=True)
        return dropped, [HookEvent.read(queue, entry_id.decode(), event) for entry_id, event in pairs]

    def done(self, kind: HookKind, event: HookEvent) -> None:
        """It was told, or never will be."""
        self._run(event.queue, "done", kind, event.id.rpartition("/")[2])

    def rest(self, queue: str, kind: HookKind, owner: str, first: float, most: float) -> float:
        """It could not be told: nobody tries for so many seconds, which are returned; twice as long each time."""
        return int(self._run(queue, "rest", kind, owner, ms(first), ms(most))) / 1000

    def end(self, queue: str, kind: HookKind, owner: str) -> None:
        """Others may tell it now."""
        self._run(queue, "end", kind, owner)

    def _run(self, queue: str, verb: str, kind: HookKind, *arguments: Argument) -> Any:
        return self._connection.run([Call("hook", self._keys.queue(queue), (verb, kind, *arguments))])[0]
