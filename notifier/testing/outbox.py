"""`Outbox`: what was sent in a test, as a list that mails from other processes come into too."""

from __future__ import annotations

from collections.abc import Sequence
from typing import overload

from notifier.testing.mailbox import CaughtMail, Mailbox


class Outbox(Sequence[CaughtMail]):
    """The mails in the order in which the relay has accepted them: ``len(outbox)``, ``outbox[0].subject``, ``for mail in outbox``."""

    def __init__(self, mailbox: Mailbox) -> None:
        self._mailbox = mailbox

    def wait_for(self, count: int = 1, timeout: float = 30.0) -> list[CaughtMail]:
        """The mails, once there are ``count`` of them: those of a worker come in their own time.

        Raises `AssertionError` with what is here after ``timeout`` seconds.
        """
        if not self._mailbox.wait_for(count, timeout):
            raise AssertionError(f"waited {timeout:g} s for {count} mails; here are {len(self)}:{self.described()}")
        return list(self)

    def to(self, recipient: str) -> list[CaughtMail]:
        """Those to this address, as To, Cc or Bcc."""
        return [mail for mail in self if recipient in mail.recipients]

    def clear(self) -> None:
        """Forget all."""
        self._mailbox.clear()

    def described(self) -> str:
        """A line for each mail, for people."""
        return "".join(f"\n  {mail.subject!r} to {', '.join(mail.recipients)}" for mail in self) or "\n  no mail"

    def __len__(self) -> int:
        return len(self._mailbox)

    @overload
    def __getitem__(self, index: int) -> CaughtMail: ...
    @overload
    def __getitem__(self, index: slice) -> list[CaughtMail]: ...
    def __getitem__(self, index: int | slice) -> CaughtMail | list[CaughtMail]:
        return list(self._mailbox)[index]

    def __repr__(self) -> str:
        return f"<outbox:{self.described()}>"
