"""What a catching server has accepted."""

from __future__ import annotations

import re
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from email.message import EmailMessage
from functools import cached_property
from pathlib import Path

from notifier.testing.journal import Journal
from notifier.testing.parsing import parse, text_of

_MESSAGE_ID = re.compile(rb"^message-id:[ \t]*(?:\r\n[ \t]+)?(\S+)", re.IGNORECASE | re.MULTILINE)


@dataclass(frozen=True)
class CaughtMail:
    """One accepted message. ``received_at`` is seconds since the epoch, taken before the 250 was sent.

    ``connection`` numbers the server's connections from 1. ``user`` is who had logged in on it.
    """

    number: int
    received_at: float
    reverse_path: str
    recipients: tuple[str, ...]
    data: bytes = field(repr=False)
    helo: str
    tls: str | None
    smtputf8: bool
    connection: int = 0
    user: str | None = None

    @cached_property
    def message(self) -> EmailMessage:
        """The message, parsed; fields that cannot be parsed are empty in it, and as they were sent in ``data``."""
        return parse(self.data)

    @cached_property
    def message_id(self) -> str:
        """With its angle brackets; empty where there is none. Found without parsing the message."""
        found = _MESSAGE_ID.search(self.data.partition(b"\r\n\r\n")[0])
        return found[1].decode("utf-8", "replace") if found else ""

    @property
    def subject(self) -> str:
        """Decoded."""
        return str(self.message.get("Subject", ""))

    def text(self) -> str:
        """The text part, or the html part where there is none."""
        part = self.message.get_body(("plain", "html"))
        return text_of(part) if isinstance(part, EmailMessage) else ""

    def matches(self, words: str) -> bool:
        """True where subject, addresses or text hold ``words``, in any case."""
        headers = (self.subject, str(self.message.get("From", "")), str(self.message.get("To", "")))
        places = (*headers, self.reverse_path, *self.recipients, self.text())
        return any(words.casefold() in place.casefold() for place in places)


class Mailbox:
    """Caught mails in the order of their acceptance. Safe to share between threads.

    ``journal``: each acceptance is written there and synced to disk before the server answers 250 (see `Journal`).
    """

    def __init__(self, journal: Path | None = None) -> None:
        self._mails: dict[int, CaughtMail] = {}
        self._last = 0
        self._changed = threading.Condition()
        self._journal = None if journal is None else Journal(journal)

    def add(
        self,
        *,
        reverse_path: str,
        recipients: tuple[str, ...],
        data: bytes,
        helo: str,
        tls: str | None,
        smtputf8: bool,
        connection: int = 0,
        user: str | None = None,
    ) -> CaughtMail:
        """Keep a message; on disk first, where there is a journal."""
        with self._changed:
            mail = CaughtMail(
                number=self._last + 1,
                received_at=time.time(),
                reverse_path=reverse_path,
                recipients=recipients,
                data=data,
                helo=helo,
                tls=tls,
                smtputf8=smtputf8,
                connection=connection,
                user=user,
            )
            if self._journal is not None:
                self._journal.write(mail)
            self._mails[mail.number] = mail
            self._last = mail.number
            self._changed.notify_all()
        return mail

    def wait_for(self, count: int, timeout: float) -> bool:
        """Wait until ``count`` mails are here; False where ``timeout`` seconds pass first."""
        with self._changed:
            return self._changed.wait_for(lambda: len(self._mails) >= count, timeout)

    def get(self, number: int) -> CaughtMail | None:
        """The mail with this number (from 1; a number is never given twice)."""
        return self._mails.get(number)

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
        """Close the journal; another mail opens it again."""
        with self._changed:
            if self._journal is not None:
                self._journal.close()

    def __len__(self) -> int:
        return len(self._mails)

    def __iter__(self) -> Iterator[CaughtMail]:
        with self._changed:
            return iter(list(self._mails.values()))
