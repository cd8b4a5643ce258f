"""The suppression list: addresses that are not mailed. One list for all queues; its times are the store's."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from notifier.model.suppression import Suppression
from notifier.store.connection import Call, LedgerConnection
from notifier.store.keys import Keys

PAGE = 500  # entries in one round trip


class SuppressionList:
    """Addresses are forward-paths; their case does not matter here, for a mailbox that differs by it is nobody's."""

    def __init__(self, connection: LedgerConnection, keys: Keys) -> None:
        self._connection = connection
        self._keys = keys

    def add(self, address: str, reason: str, *, lasts: float | None = None, mail_id: str | None = None) -> Suppression:
        """Do not mail it for ``lasts`` seconds, or ever again. What the list said of it before is forgotten."""
        now = self._now()
        until = None if lasts is None else now + lasts
        entry = Suppression(address.lower(), reason, now, until, mail_id)
        ends = (
            ("ZADD", self._keys.suppressed_until, until) if until is not None else ("ZREM", self._keys.suppressed_until)
        )
        self._connection.ask(("HSET", self._keys.suppressed, entry.address, _text_of(entry)), (*ends, entry.address))
        return entry

    def learn(self, address: str, reason: str, *, lasts: float, mail_id: str) -> None:
        """The same, said by a server: it never shortens what stands there."""
        known = self.of([address]).get(address)
        if known is None or (known.until is not None and known.until < self._now() + lasts):
            self.add(address, reason, lasts=lasts, mail_id=mail_id)

    def remove(self, address: str) -> bool:
        """True where it was there."""
        gone, _ = self._connection.ask(
            ("HDEL", self._keys.suppressed, address.lower()), ("ZREM", self._keys.suppressed_until, address.lower())
        )
        return bool(gone)

    def of(self, addresses: Sequence[str]) -> Mapping[str, Suppression]:
        """Those of the addresses that are not to be mailed now."""
        if not addresses:
            return {}
        (found,) = self._connection.run([self.question(addresses)])
        return self.answer(addresses, found)

    def question(self, addresses: Sequence[str]) -> Call:
        """The call that `answer` reads, for a round trip that is made anyway."""
        return Call("suppressed", self._keys.suppressed, tuple(address.lower() for address in addresses))

    @staticmethod
    def answer(addresses: Sequence[str], found: Sequence[Any]) -> Mapping[str, Suppression]:
        """Those of the addresses that are not to be mailed now."""
        hits = ((addresses[position - 1], entry) for position, entry in zip(found[::2], found[1::2], strict=True))
        return {address: _entry(address, entry) for address, entry in hits}

    def all(self) -> Iterator[Suppression]:
        """Every entry that still counts, in no order; entries that come or go meanwhile may be told or not."""
        cursor: int | bytes = 0
        while True:
            time, (cursor, page) = self._connection.ask(
                ("TIME",), ("HSCAN", self._keys.suppressed, cursor, "COUNT", PAGE)
            )
            for address, text in _pairs(page):
                entry = _entry(address.decode(), text)
                if _lasts(entry, _seconds(time)):
                    yield entry
            if int(cursor) == 0:
                return

    def forget_expired(self) -> None:
        """Some of the entries whose time is over go."""
        until = self._keys.suppressed_until
        (over,) = self._connection.ask(("ZRANGEBYSCORE", until, "-inf", self._now(), "LIMIT", 0, PAGE))
        if over:
            self._connection.ask(("HDEL", self._keys.suppressed, *over), ("ZREM", until, *over))

    def _now(self) -> float:
        (time,) = self._connection.ask(("TIME",))
        return _seconds(time)


def _seconds(time: Any) -> float:
    whole, millionths = time
    return int(whole) + int(millionths) / 1e6


def _pairs(page: Any) -> Iterator[tuple[bytes, bytes]]:
    if isinstance(page, dict):  # the client has its own form for the answer
        yield from page.items()
    else:
        yield from zip(page[::2], page[1::2], strict=True)


def _lasts(entry: Suppression, now: float) -> bool:
    return entry.until is None or entry.until > now


def _text_of(entry: Suppression) -> str:
    known = {"reason": entry.reason, "since": entry.since, "until": entry.until, "mail_id": entry.mail_id}
    return json.dumps({name: value for name, value in known.items() if value is not None}, ensure_ascii=False)


def _entry(address: str, text: bytes) -> Suppression:
    """One that cannot be read counts, and has no end: whoever wrote it did not want the address to be mailed."""
    try:
        return Suppression(address.lower(), **json.loads(text))
    except (ValueError, TypeError):
        return Suppression(address.lower(), "its entry in the list cannot be read", 0.0)
