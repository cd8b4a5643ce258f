"""`RedisTallies`: what became of mails, counted by the settlements themselves. Days are UTC's."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, timedelta

from notifier.store.connection import LedgerConnection
from notifier.store.keys import Keys

EPOCH = date(1970, 1, 1)


@dataclass(frozen=True, slots=True)
class Tally:
    """``state`` is sent, deferred (each time) or failed. ``template`` is empty for messages that an application composed
    itself, ``domain`` is ``*`` for those that were too many to be counted apart.
    """

    day: date
    state: str
    domain: str
    template: str
    count: int


class RedisTallies:
    """Kept for seventy days. Every method may raise `StoreUnavailable`."""

    def __init__(self, connection: LedgerConnection, keys: Keys) -> None:
        self._connection = connection
        self._keys = keys

    def of(self, queues: Iterable[str], first: date, last: date) -> list[Tally]:
        """Those of a queue's recipients, from one day to another, both included."""
        days = [first + timedelta(days=number) for number in range((last - first).days + 1)]
        asked = [(queue, day) for queue in queues for day in days]
        if not asked:
            return []
        answers: Sequence[dict[bytes, bytes]] = self._connection.ask(
            *(("HGETALL", self._keys.tally(queue, (day - EPOCH).days)) for queue, day in asked)
        )
        return [
            Tally(day, *_names(field), int(count))
            for (_, day), found in zip(asked, answers, strict=True)
            for field, count in found.items()
        ]


def _names(field: bytes) -> tuple[str, str, str]:
    state, domain, template = field.decode().split(" ", 2)
    return state, domain, template
