"""The suppression list: addresses that are not mailed, at all or by one mailing list. One for all queues; its times are the
store's.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from notifier.model.suppression import Suppression, entry_name, parts_of
from notifier.store.connection import Call, LedgerConnection, Plain
from notifier.store.keys import Keys

PAGE = 500  # entries in one round trip


class SuppressionList:
    """Addresses are forward-paths; their case does not matter here, for a mailbox that differs by it is nobody's."""

    def __init__(self, connection: LedgerConnection, keys: Keys) -> None:
        self._connection = connection
        self._keys = keys

    def add(
        self,
        address: str,
        reason: str,
        *,
        lasts: float | None = None,
        mail_id: str | None = None,
        mailing_list: str | None = None,
        durably: bool = True,
    ) -> Suppression:
        """Do not mail it for ``lasts`` seconds, or ever again. What the list said of it before is forgotten.

        On disk when it returns: whoever asks not to be mailed is told that it is so.
        """
        now = self._now()
        until = None if lasts is None else now + lasts
        entry = Suppression(address.lower(), reason, now, until, mail_id, mailing_list)
        name, ends_at = entry_name(entry.address, mailing_list), self._keys.suppressed_until
        ends = ("ZREM", ends_at, name) if until is None else ("ZADD", ends_at, until, name)
        self._connection.run(
            [Plain(("HSET", self._keys.suppressed, name, _text_of(entry))), Plain(ends)], durably=durably
        )
        return entry

    def learn(self, address: str, reason: str, *, lasts: float | None, mail_id: str, durably: bool = False) -> None:
        """The same, said by a server: it never shortens what stands there."""
        known = self.of([address]).get(address)
        longer = lasts is None or (known is not None and known.until is not None and known.until < self._now() + lasts)
        if known is None or (known.until is not None and longer):
            self.add(address, reason, lasts=lasts, mail_id=mail_id, durably=durably)

    def remove(self, address: str, mailing_list: str | None = None) -> bool:
        """True where it was there. Without a list: the entry that is for all mails; those of lists stay, and soft bounces of the
        past no longer count.
        """
        name = entry_name(address.lower(), mailing_list)
        if mailing_list is None:
            self._connection.ask(("DEL", self._keys.soft_bounces(address.lower())))
        gone, _ = self._connection.ask(
            ("HDEL", self._keys.suppressed, name), ("ZREM", self._keys.suppressed_until, name)
        )
        return bool(gone)

    def of(self, addresses: Sequence[str], mailing_list: str | None = None) -> Mapping[str, Suppression]:
        """Those of the addresses that are not to be mailed now: by nobody, or not by that list."""
        if not addresses:
            return {}
        lists = dict.fromkeys((mailing_list, None))
        names = {entry_name(address, one): address for one in lists for address in addresses}
        (found,) = self._connection.run([self.question(list(names))])
        return {names[name]: entry for name, entry in self.answer(list(names), found).items()}

    def question(self, names: Sequence[str]) -> Call:
        """The call that `answer` reads, for a round trip that is made anyway. ``names`` are those of entries."""
        return Call("suppressed", self._keys.suppressed, tuple(name.lower() for name in names))

    @staticmethod
    def answer(names: Sequence[str], found: Sequence[Any]) -> Mapping[str, Suppression]:
        """Those of the entries that are there and count now."""
        hits = ((names[position - 1], entry) for position, entry in zip(found[::2], found[1::2], strict=True))
        return {name: _entry(name, entry) for name, entry in hits}

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


def _entry(name: str, text: bytes) -> Suppression:
    """One that cannot be read counts, and has no end: whoever wrote it did not want the address to be mailed."""
    address, mailing_list = parts_of(name.lower())
    try:
        return Suppression(address, **json.loads(text), mailing_list=mailing_list)
    except (ValueError, TypeError):
        return Suppression(address, "its entry in the list cannot be read", 0.0, mailing_list=mailing_list)
