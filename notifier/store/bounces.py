"""`RedisBounces`: what is reported of mails that a relay has taken, in their history and for the hooks."""

from __future__ import annotations

import json
from collections.abc import Mapping

from notifier.model.hook import Told
from notifier.store.connection import Call, LedgerConnection
from notifier.store.keys import Keys
from notifier.store.records import ms
from notifier.store.reported import Noted


class RedisBounces:
    """`Bounces` on the ledger's server. ``retention`` in seconds."""

    def __init__(self, connection: LedgerConnection, keys: Keys, retention: float) -> None:
        self._connection = connection
        self._keys = keys
        self._retention = retention

    def note(
        self, queue: str, mail_id: str, digest: str, told: Told, *, why: str, status: str, entry: Mapping[str, object]
    ) -> Noted:
        """See `Bounces.note`."""
        arguments = (
            mail_id,
            digest,
            told.value,
            why,
            status,
            json.dumps(entry, ensure_ascii=False),
            ms(self._retention),
        )
        (answer,) = self._connection.run([Call("bounce", self._keys.queue(queue), arguments)], durably=True)
        return Noted(answer.decode())

    def count_soft(self, address: str, mail_id: str, within: float) -> int:
        """See `Bounces.count_soft`."""
        ((whole, _),) = self._connection.ask(("TIME",))
        key, now = self._keys.soft_bounces(address.lower()), int(whole)
        *_, count = self._connection.ask(
            ("ZADD", key, "NX", now, mail_id),
            ("ZREMRANGEBYSCORE", key, "-inf", now - within),
            ("EXPIRE", key, int(within) + 1),
            ("ZCARD", key),
        )
        return int(count)
