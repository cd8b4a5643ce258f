"""Taking a person out of the ledger: everything that has ended and was to them."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from typing import Any

from notifier.store.base import Purged
from notifier.store.connection import Call, LedgerConnection
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
    for page in _records(connection, keys):
        answers = connection.ask(*(("HGET", key, "recipients") for key in page))
        for key, recipients in zip(page, answers, strict=True):
            theirs = [path for path in _paths(recipients) if path.lower() == address]
            if theirs:
                yield (*_place_of(key, keys), theirs)


def _records(connection: LedgerConnection, keys: Keys) -> Iterator[list[str]]:
    cursor: int | bytes = 0
    while True:
        ((cursor, found),) = connection.ask(("SCAN", cursor, "MATCH", keys.mail("*", "*"), "COUNT", PAGE))
        if found:
            yield [key.decode() for key in found]
        if int(cursor) == 0:
            return


def _paths(recipients: Any) -> Sequence[str]:
    try:
        return list(json.loads(recipients or "{}"))
    except ValueError:  # no record of ours
        return ()


def _place_of(key: str, keys: Keys) -> tuple[str, str]:
    found = re.fullmatch(rf"{re.escape(keys.namespace)}:\{{(.*)\}}:mail:(.*)", key)
    if found is None:  # the pattern of the scan is the same
        raise ValueError(f"no record of a mail: {key}")
    return found[1], found[2]
