"""`RedisPauses`: what operators have paused. Workers look once a second, however many mails they have."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress

from notifier.errors import StoreError
from notifier.model.pause import KINDS, Pause
from notifier.store.connection import Call, LedgerConnection
from notifier.store.keys import Keys

KNOWN_FOR = 1.0  # seconds
AT_ONCE = 500  # mails that one step makes due


class RedisPauses:
    """`notifier.model.pause.Pauses`, and the operator's side of it. ``clock`` is monotonic seconds."""

    def __init__(
        self, connection: LedgerConnection, keys: Keys, *, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._connection = connection
        self._keys = keys
        self._clock = clock
        self._known: Mapping[Pause, str] = {}
        self._known_until = -1.0

    def why(self, what: Pause) -> str | None:
        """See `Pauses.why`. Where the store does not say, what was known before holds."""
        if self._clock() >= self._known_until:
            self._known_until = self._clock() + KNOWN_FOR
            with suppress(StoreError):  # whoever needs the store is told by it
                self._known = self.all()
        return self._known.get(what)

    def all(self) -> Mapping[Pause, str]:
        """Everything that is paused. Raises `StoreUnavailable`."""
        (found,) = self._connection.ask(("HGETALL", self._keys.paused))
        return {_read(name.decode()): why.decode() for name, why in found.items()}

    def pause(self, what: Pause, why: str) -> None:
        """See `Store.pause`. Raises `StoreUnavailable`."""
        if what.kind == "queue":
            self._connection.run([Call("pause", self._keys.queue(what.name), ("pause", why))], durably=True)
        self._connection.ask(("HSET", self._keys.paused, str(what), why))

    def resume(self, what: Pause, queues: Iterable[str]) -> int:
        """See `Store.resume`. Raises `StoreUnavailable`."""
        self._connection.ask(("HDEL", self._keys.paused, str(what)))
        if what.kind == "queue":
            self._connection.run([Call("pause", self._keys.queue(what.name), ("resume",))], durably=True)
            return 0
        return sum(self._released(queue, what) for queue in queues)

    def _released(self, queue: str, what: Pause) -> int:
        total, left = 0, 1
        while left:
            call = Call("pause", self._keys.queue(queue), ("release", str(what), AT_ONCE))
            ((released, left),) = self._connection.run([call], durably=True)
            total += released
        return total


def _read(text: str) -> Pause:
    kind, _, name = text.partition(" ")
    return Pause(next(one for one in KINDS if one == kind), name)
