"""A page on which every caught mail can be read."""

from notifier.console.mailbox_page.app import create_mailbox_app
from notifier.console.mailbox_page.serving import MailboxPage

__all__ = ["MailboxPage", "create_mailbox_app"]
