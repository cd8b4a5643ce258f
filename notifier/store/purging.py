"""Taking a person out of the ledger: everything that has ended and was to them."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from notifier.store.base import Purged
from notifier.store.connection import Call, LedgerConnection
from notifier.store.ended import recipients_of
from notifier.store.keys import Keys
from notifier.store.records import ms

PAGE = 1000  # keys in one round trip


def purge(address: str, *, connection: LedgerConnection, keys: Keys, retention: float) -> Purged:
    """Purge the mails to a forward-path (in any case). Looks at every record, for there is no index of persons."""
    counted: dict[str, list[str]] = {"purged": [], "discarded": [], "busy": []}
    for queue, mail_id, paths in _mails_to(address.lower(), connection, keys):
        for path in paths:
            call = Call("purge", keys.queue(queue), (mail_id, path, ms(retention)))
            (answer,) = connection.run([call], durably=True)
            if answer:
                counted[answer.decode()].append(mail_id)
    return Purged(address, *(tuple(dict.fromkeys(ids)) for ids in counted.values()))


def _mails_to(address: str, connection: LedgerConnection, keys: Keys) -> Iterator[tuple[str, str, list[str]]]:
    """Queue, id, and the recipients that are this person."""
    records = _keys_like(keys.mail("*", "*"), connection)
    yield from _theirs(address, records, lambda key: ("HGET", key, "recipients"), _paths, connection, keys)
    ended = _keys_like(keys.ended_mail("*", "*"), connection)
    yield from _theirs(address, ended, lambda key: ("GET", key), _paths_left, connection, keys)


def _theirs(
    address: str,
    pages: Iterator[list[str]],
    command: Callable[[str], tuple[str, ...]],
    paths: Callable[[Any], Sequence[str]],
    connection: LedgerConnection,
    keys: Keys,
) -> Iterator[tuple[str, str, list[str]]]:
    for page in pages:
        for key, answer in zip(page, connection.ask(*map(command, page)), strict=True):
            theirs = [path for path in paths(answer) if path.lower() == address]
            if theirs:
                yield (*_place_of(key, keys), theirs)


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
