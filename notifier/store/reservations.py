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


def under_their_keys(
    emails: Sequence[Email], body_hashes: Sequence[str], *, connection: LedgerConnection, keys: Keys, window: float
) -> list[Email]:
    """The mails, each under the id that its key has: its own if the key was free. ``window`` is in seconds, the hashes
    are the mails' own.

    Raises `IdempotencyConflict` for a key that belongs to a mail with another body.
    """
    # A key that is the mail's own id was derived: nobody else can have it, and no round trip is needed to know.
    keyed = [position for position, email in enumerate(emails) if email.idempotency_key != email.id]
    ours = [json.dumps([emails[position].id, body_hashes[position]]) for position in keyed]
    calls = [
        Call("reserve", keys.reservation(emails[position]), (mine, ms(window)))
        for position, mine in zip(keyed, ours, strict=True)
    ]
    reserved = list(emails)
    for position, mine, holder in zip(keyed, ours, connection.run(calls) if calls else (), strict=True):
        if holder != mine.encode():
            reserved[position] = _under(emails[position], body_hashes[position], holder)
    return reserved


def _under(email: Email, body_hash: str, holder: bytes) -> Email:
    mail_id, held = json.loads(holder)
    if held != body_hash:  # the queue is part of the body
        raise IdempotencyConflict(email.idempotency_key, mail_id)
    return email if mail_id == email.id else email.with_id(mail_id)
