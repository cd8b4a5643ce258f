"""`RedisBounces`: what is reported of mails that a relay has taken, in their history and for the hooks."""

from __future__ import annotations

import json
from collections.abc import Mapping
from enum import StrEnum

from notifier.model.hook import Told
from notifier.store.connection import Call, LedgerConnection
from notifier.store.keys import Keys
from notifier.store.records import ms


class Noted(StrEnum):
    """What the ledger made of a report."""

    NOTED = "noted"
    KNOWN = "known"  # this report has come before
    ENOUGH = "enough"  # so many have come about this mail that no more are kept
    GONE = "gone"  # no such mail: its retention is over


class RedisBounces:
    """``retention`` in seconds. Every method may raise `StoreUnavailable`."""

    def __init__(self, connection: LedgerConnection, keys: Keys, retention: float) -> None:
        self._connection = connection
        self._keys = keys
        self._retention = retention

    def note(
        self, queue: str, mail_id: str, digest: str, told: Told, *, why: str, status: str, entry: Mapping[str, object]
    ) -> Noted:
        """Keep it, on disk when this returns. ``why`` and ``status`` go to the hooks, ``entry`` to the mail's history alone."""
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
        """Count the mail among those to the address that bounced softly in the last ``within`` seconds; how many there are.

        A mail counts once, however many reports there are about it.
        """
        ((whole, _),) = self._connection.ask(("TIME",))
        key, now = self._keys.soft_bounces(address.lower()), int(whole)
        *_, count = self._connection.ask(
            ("ZADD", key, "NX", now, mail_id),
            ("ZREMRANGEBYSCORE", key, "-inf", now - within),
            ("EXPIRE", key, int(within) + 1),
            ("ZCARD", key),
        )
        return int(count)
