"""Taking a person out of the ledger: everything that has ended and was to them."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from itertools import chain, islice
from typing import Any

from notifier.store.base import Purged
from notifier.store.connection import Call, LedgerConnection
from notifier.store.ended import recipients_of
from notifier.store.keys import Keys
from notifier.store.records import ms

PAGE = 1000  # keys in one round trip
AT_ONCE = 200  # mails that are purged in one, with one wait for the disk

Place = tuple[str, str, str]
"""Queue, id, and the recipient that is this person, as it stands in the record."""


def purge(address: str, *, connection: LedgerConnection, keys: Keys, retention: float) -> Purged:
    """Purge the mails to a forward-path (in any case). Looks at every record, for there is no index of persons."""
    counted: dict[str, list[str]] = {"purged": [], "discarded": [], "busy": []}
    for some in _parts(_mails_to(address.lower(), connection, keys), AT_ONCE):
        calls = [Call("purge", keys.queue(queue), (mail_id, path, ms(retention))) for queue, mail_id, path in some]
        for (_, mail_id, _), answer in zip(some, connection.run(calls, durably=True), strict=True):
            if answer:
                counted[answer.decode()].append(mail_id)
    return Purged(address, *(tuple(dict.fromkeys(ids)) for ids in counted.values()))


def _parts(places: Iterator[Place], size: int) -> Iterator[list[Place]]:
    while some := list(islice(places, size)):
        yield some


def _mails_to(address: str, connection: LedgerConnection, keys: Keys) -> Iterator[Place]:
    for key, paths in chain(_records(connection, keys), _ended(connection, keys)):
        yield from ((*_place_of(key, keys), path) for path in paths if path.lower() == address)


def _records(connection: LedgerConnection, keys: Keys) -> Iterator[tuple[str, Sequence[str]]]:
    for page in _keys_like(keys.mail("*", "*"), connection):
        answers = connection.ask(*(("HGET", key, "recipients") for key in page))
        yield from zip(page, map(_paths, answers), strict=True)


def _ended(connection: LedgerConnection, keys: Keys) -> Iterator[tuple[str, Sequence[str]]]:
    for page in _keys_like(keys.ended_mail("*", "*"), connection):
        answers = connection.ask(*(("GET", key) for key in page))
        yield from zip(page, map(_paths_left, answers), strict=True)


def _keys_like(pattern: str, connection: LedgerConnection) -> Iterator[list[str]]:
    cursor: int | bytes = 0
    while True:
        ((cursor, found),) = connection.ask(("SCAN", cursor, "MATCH", pattern, "COUNT", PAGE))
        if found:
            yield [key.decode() for key in found]
        if int(cursor) == 0:
            return


def _paths(recipients: Any) -> Sequence[str]:
    try:
        return list(json.loads(recipients or "{}"))
    except ValueError:  # no record of ours
        return ()


def _paths_left(left: Any) -> Sequence[str]:
    return recipients_of(left) if left else ()  # its time may just have come


def _place_of(key: str, keys: Keys) -> tuple[str, str]:
    found = re.fullmatch(rf"{re.escape(keys.namespace)}:\{{(.*)\}}:(?:mail|ended):(.*)", key)
    if found is None:  # the pattern of the scan is the same
        raise ValueError(f"no record of a mail: {key}")
    return found[1], found[2]
