"""What a catching server has accepted."""

from __future__ import annotations

import hashlib
import json
import os
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from email import message_from_bytes, message_from_string, policy
from email.message import EmailMessage
from functools import cached_property
from pathlib import Path


@dataclass(frozen=True)
class CaughtMail:
    """One accepted message. ``received_at`` is seconds since the epoch, taken before the 250 was sent."""

    number: int
    received_at: float
    reverse_path: str
    recipients: tuple[str, ...]
    data: bytes = field(repr=False)
    helo: str
    tls: str | None
    smtputf8: bool

    @cached_property
    def message(self) -> EmailMessage:
        """The message, parsed by the standard library; a header in UTF-8 (RFC 6532) too, which needs text to parse."""
        if self.smtputf8 and not self.data.isascii():
            return message_from_string(self.data.decode(), policy=policy.default)
        return message_from_bytes(self.data, policy=policy.default)

    @property
    def message_id(self) -> str:
        """With its angle brackets; empty where there is none."""
        return str(self.message.get("Message-ID", "")).strip()

    @property
    def subject(self) -> str:
        """Decoded."""
        return str(self.message.get("Subject", ""))

    def text(self) -> str:
        """The text part, or the html part where there is none."""
        part = self.message.get_body(("plain", "html"))
        return str(part.get_content()) if part is not None else ""

    def matches(self, words: str) -> bool:
        """True where subject, addresses or text hold ``words``, in any case."""
        headers = (self.subject, str(self.message.get("From", "")), str(self.message.get("To", "")))
        return any(words.casefold() in where.casefold() for where in (*headers, *self.recipients, self.text()))


class Mailbox:
    """Caught mails in the order of their acceptance. Safe to share between threads.

    ``journal``: each acceptance is written there as a line of JSON and synced to disk before the server answers 250,
    so that it is the truth for tests that kill processes.
    """

    def __init__(self, journal: Path | None = None) -> None:
        self._mails: list[CaughtMail] = []
        self._changed = threading.Condition()
        self._journal = None if journal is None else os.open(journal, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)

    def add(
        self, *, reverse_path: str, recipients: tuple[str, ...], data: bytes, helo: str, tls: str | None, smtputf8: bool
    ) -> CaughtMail:
        """Keep a message; on disk first, where there is a journal."""
        with self._changed:
            mail = CaughtMail(
                number=len(self._mails) + 1,
                received_at=time.time(),
                reverse_path=reverse_path,
                recipients=recipients,
                data=data,
                helo=helo,
                tls=tls,
                smtputf8=smtputf8,
            )
            self._write(mail)
            self._mails.append(mail)
            self._changed.notify_all()
        return mail

    def _write(self, mail: CaughtMail) -> None:
        if self._journal is None:
            return
        line = {
            "at": mail.received_at,
            "message_id": mail.message_id,
            "recipients": mail.recipients,
            "sha256": hashlib.sha256(mail.data).hexdigest(),
        }
        os.write(self._journal, json.dumps(line).encode() + b"\n")
        os.fsync(self._journal)

    def wait_for(self, count: int, timeout: float) -> bool:
        """Wait until ``count`` mails are here; False where ``timeout`` seconds pass first."""
        with self._changed:
            return self._changed.wait_for(lambda: len(self._mails) >= count, timeout)

    def get(self, number: int) -> CaughtMail | None:
        """The mail with this number (from 1)."""
        with self._changed:
            return self._mails[number - 1] if 0 < number <= len(self._mails) else None

    def search(self, words: str) -> list[CaughtMail]:
        """Mails that hold ``words`` in subject, addresses or text; all for empty words."""
        return [mail for mail in self if not words or mail.matches(words)]

    def by_message_id(self) -> dict[str, list[CaughtMail]]:
        """Mails grouped by Message-ID: two in a group is a doubled mail."""
        groups: dict[str, list[CaughtMail]] = {}
        for mail in self:
            groups.setdefault(mail.message_id, []).append(mail)
        return groups

    def clear(self) -> None:
        """Forget all."""
        with self._changed:
            self._mails.clear()

    def close(self) -> None:
        """Close the journal."""
        if self._journal is not None:
            os.close(self._journal)
            self._journal = None

    def __len__(self) -> int:
        return len(self._mails)

    def __iter__(self) -> Iterator[CaughtMail]:
        with self._changed:
            return iter(list(self._mails))
