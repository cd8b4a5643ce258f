"""Attachments: octets under their sha256, kept for as long as a mail may need them."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

from notifier.errors import StoreError
from notifier.model.email import Email
from notifier.store.connection import LedgerConnection
from notifier.store.keys import Keys
from notifier.store.records import ms


def blob_name(data: bytes) -> str:
    """The name of a blob: its sha256, hex."""
    return hashlib.sha256(data).hexdigest()


class Blobs:
    """``life``: seconds that a blob is kept after it was last put; longer for mails that are sent later."""

    def __init__(self, connection: LedgerConnection, keys: Keys, life: float) -> None:
        self._connection = connection
        self._keys = keys
        self._life = life

    def put(self, data: bytes) -> str:
        """Keep the octets; those that are there are not sent again."""
        name = blob_name(data)
        key = self._keys.blob(name)
        (known,) = self._connection.ask(("PEXPIRE", key, ms(self._life)))
        if not known:
            self._connection.ask(("SET", key, data, "PX", ms(self._life)))
        return name

    def get(self, name: str) -> bytes:
        """The octets. Raises `StoreError` where they are gone."""
        (data,) = self._connection.ask(("GET", self._keys.blob(name)))
        if not isinstance(data, bytes):
            raise StoreError(f"the attachment {name} is not in the store any more")
        return data

    def keep_for(self, emails: Sequence[Email]) -> None:
        """Let the attachments of mails with a ``send_at`` live on until then, and as long again as any other's."""
        until = {
            ref.blob: ms(email.send_at + self._life)
            for email in sorted(emails, key=lambda email: email.send_at or 0.0)
            if email.send_at is not None
            for ref in email.attachments
        }
        if until:
            self._connection.ask(*(("PEXPIREAT", self._keys.blob(name), at, "GT") for name, at in until.items()))
