"""Looking through the records, a piece at a time: there is no index of recipients and templates, for each would cost every mail."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

from notifier.store.base import MailStatus
from notifier.store.connection import LedgerConnection, Plain
from notifier.store.ended import status_of_ended
from notifier.store.keys import Keys
from notifier.store.records import STATUS_FIELDS, status_of

PAGE = 200  # keys in one round trip, and so about the most that is found beyond what is wanted
MOST = 10_000  # records in one piece
SECONDS = 2.0  # for one piece
BEGIN = "0"

Places = Sequence[tuple[str, str]]


class Piece(NamedTuple):
    """What one piece has shown. ``rest``: where the next one begins; None where there is no more."""

    found: tuple[MailStatus, ...]
    looked_at: int
    rest: str | None


def look_through(
    fits: Callable[[MailStatus], bool],
    *,
    connection: LedgerConnection,
    keys: Keys,
    statuses: Callable[[Places], list[MailStatus]],
    begin: str = BEGIN,
    most: float = MOST,
    seconds: float = SECONDS,
    wanted: int,
) -> Piece:
    """The records from ``begin`` on, in no order, until so many are found, looked at, or so long was looked.

    ``fits`` sees a mail that has not ended without its history. A mail that moves meanwhile may be told twice or not at
    all: the server says so of its SCAN.
    """
    found: dict[str, MailStatus] = {}
    looked_at, cursor, ends = 0, begin, time.monotonic() + seconds
    while True:
        ((after, names),) = connection.ask(("SCAN", cursor, "MATCH", f"{keys.namespace}:{{*}}:[em]*:*", "COUNT", PAGE))
        seen = _glances([name.decode("utf-8", "replace") for name in names], connection, keys)
        found |= {mail.mail_id: mail for mail in statuses([(one.queue, one.mail_id) for one in seen if fits(one)])}
        looked_at, cursor = looked_at + len(seen), str(int(after))
        if cursor == BEGIN:
            return Piece(tuple(found.values()), looked_at, None)
        if len(found) >= wanted or looked_at >= most or time.monotonic() > ends:
            return Piece(tuple(found.values()), looked_at, cursor)


def every_member(connection: LedgerConnection, key: str) -> list[str]:
    """Of a sorted set, by their scores: all that are in it all the while, which pages by rank would not find."""
    scores: dict[bytes, float] = {}
    cursor: bytes | str = BEGIN
    while True:
        ((cursor, flat),) = connection.ask(("ZSCAN", key, cursor, "COUNT", PAGE))
        scores.update((member, float(score)) for member, score in flat)
        if int(cursor) == 0:
            return [member.decode() for member in sorted(scores, key=lambda one: (scores[one], one))]


def _glances(names: Sequence[str], connection: LedgerConnection, keys: Keys) -> list[MailStatus]:
    """One command for each record; what is none of ours, or has gone by now, is left out."""
    pattern = re.compile(rf"{re.escape(keys.namespace)}:\{{(.*)\}}:(mail|ended):([^:]+)", re.DOTALL)
    places = [(hit[1], hit[2], hit[3]) for name in names if (hit := pattern.fullmatch(name))]
    calls = [
        Plain(("GET", keys.ended_mail(queue, mail_id)))
        if kind == "ended"
        else Plain(("HMGET", keys.mail(queue, mail_id), *STATUS_FIELDS))
        for queue, kind, mail_id in places
    ]
    answers = connection.run(calls) if calls else []
    read = (_read(*place, answer) for place, answer in zip(places, answers, strict=True))
    return [one for one in read if one is not None]


def _read(queue: str, kind: str, mail_id: str, answer: Any) -> MailStatus | None:
    if kind == "mail":
        return status_of(queue, mail_id, answer, ())
    return None if answer is None else status_of_ended(queue, mail_id, answer)
