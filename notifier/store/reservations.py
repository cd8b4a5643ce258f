"""Idempotency keys: taken for a mail before it is added, in a slot of their own, so that one key is one for all queues.

A crash between the two leaves a key without a mail; the next call with that key adds the mail under the same id.
"""

from __future__ import annotations

import json
from collections.abc import Sequence

from notifier.errors import IdempotencyConflict
from notifier.model.email import Email
from notifier.store.connection import Call, LedgerConnection
from notifier.store.keys import Keys
from notifier.store.records import ms

MOST = 100  # keys in one call: the server does nothing else meanwhile


def under_their_keys(
    emails: Sequence[Email], body_hashes: Sequence[str], *, connection: LedgerConnection, keys: Keys, window: float
) -> list[Email]:
    """The mails, each under the id that its key has: its own if the key was free. ``window`` is in seconds, the hashes
    are the mails' own.

    Raises `IdempotencyConflict` for a key that belongs to a mail with another body.
    """
    # A key that is the mail's own id was derived: nobody else can have it, and no round trip is needed to know.
    keyed = [position for position, email in enumerate(emails) if email.idempotency_key != email.id]
    reserved = list(emails)
    parts = [keyed[first : first + MOST] for first in range(0, len(keyed), MOST)]
    calls = [_taking([(emails[at], body_hashes[at]) for at in some], keys, window) for some in parts]
    for some, held in zip(parts, connection.run(calls) if calls else (), strict=True):
        for place, holder in zip(held[::2], held[1::2], strict=True):
            at = some[place - 1]
            reserved[at] = _under(emails[at], body_hashes[at], holder)
    return reserved


def _taking(mails: Sequence[tuple[Email, str]], keys: Keys, window: float) -> Call:
    first, *others = [keys.reservation(email) for email, _ in mails]
    # JSON as older workers write it: who holds a key is compared octet by octet.
    ours = [f'["{email.id}", "{body_hash}"]' for email, body_hash in mails]
    return Call("reserve", first, (ms(window), *ours), tuple(others))


def _under(email: Email, body_hash: str, holder: bytes) -> Email:
    mail_id, held = json.loads(holder)
    if held != body_hash:  # the queue is part of the body
        raise IdempotencyConflict(email.idempotency_key, mail_id)
    return email if mail_id == email.id else email.with_id(mail_id)
