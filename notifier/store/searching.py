"""Looking through the records, a piece at a time: there is no index of recipients and templates, for each would cost every mail."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Sequence
from typing import NamedTuple

from notifier.store.base import MailStatus
from notifier.store.connection import LedgerConnection
from notifier.store.keys import Keys

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

    A mail that moves meanwhile may be told twice or not at all: the server says so of its SCAN.
    """
    found: dict[str, MailStatus] = {}
    looked_at, cursor, ends = 0, begin, time.monotonic() + seconds
    pattern = re.compile(rf"{re.escape(keys.namespace)}:\{{(.*)\}}:(?:mail|ended):([^:]+)", re.DOTALL)
    while True:
        ((after, names),) = connection.ask(("SCAN", cursor, "MATCH", f"{keys.namespace}:{{*}}:[em]*:*", "COUNT", PAGE))
        places = [(hit[1], hit[2]) for name in names if (hit := pattern.fullmatch(name.decode("utf-8", "replace")))]
        found |= {mail.mail_id: mail for mail in statuses(places) if fits(mail)}
        looked_at, cursor = looked_at + len(places), str(int(after))
        if cursor == BEGIN:
            return Piece(tuple(found.values()), looked_at, None)
        if len(found) >= wanted or looked_at >= most or time.monotonic() > ends:
            return Piece(tuple(found.values()), looked_at, cursor)
