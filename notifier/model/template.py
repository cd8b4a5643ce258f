"""`MailDefaults`: what a template says of its mails where the call says nothing."""

from __future__ import annotations

from dataclasses import dataclass

from notifier.model.address import Address


@dataclass(frozen=True, slots=True)
class MailDefaults:
    """``sender`` None: the settings'; ``mail_class`` None: ``transactional``."""

    mail_class: str | None = None
    sender: Address | None = None
    reply_to: tuple[Address, ...] = ()
