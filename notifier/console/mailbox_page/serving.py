"""The mailbox page on a port of its own, in a thread."""

from __future__ import annotations

from notifier.console.mailbox_page.app import Mails, create_mailbox_app
from notifier.console.serving import ServedPage, names


class MailboxPage(ServedPage):
    """Serves while the ``with`` block runs. ``port`` 0 takes a free one. On loopback it answers to no other name."""

    def __init__(self, mailbox: Mails, host: str = "127.0.0.1", port: int = 0) -> None:
        super().__init__(create_mailbox_app(mailbox, names(host)), "mailbox page", host, port)
