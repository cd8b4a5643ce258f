"""The standard library's mail client classes, name by name, over this package's reply parser.

Written for programs that exist: ``from notifier import smtp as smtplib``. New code has `notifier.smtp.Session`, which
pipelines and tells each recipient's outcome.
"""

from typing import Any

from notifier.smtp.dropin.addresses import quoteaddr, quotedata
from notifier.smtp.dropin.borrowed import borrowed
from notifier.smtp.dropin.client import SMTP, SMTP_SSL, SMTP_SSL_PORT
from notifier.smtp.dropin.commands import OLDSTYLE_AUTH
from notifier.smtp.dropin.dialogue import CRLF, SMTP_PORT, bCRLF
from notifier.smtp.dropin.exceptions import (
    SMTPAuthenticationError,
    SMTPConnectError,
    SMTPDataError,
    SMTPException,
    SMTPHeloError,
    SMTPNotSupportedError,
    SMTPRecipientsRefused,
    SMTPResponseException,
    SMTPSenderRefused,
    SMTPServerDisconnected,
)
from notifier.smtp.dropin.lmtp import LMTP, LMTP_PORT

__all__ = [
    "CRLF",
    "LMTP",
    "LMTP_PORT",
    "OLDSTYLE_AUTH",
    "SMTP",
    "SMTP_PORT",
    "SMTP_SSL",
    "SMTP_SSL_PORT",
    "SMTPAuthenticationError",
    "SMTPConnectError",
    "SMTPDataError",
    "SMTPException",
    "SMTPHeloError",
    "SMTPNotSupportedError",
    "SMTPRecipientsRefused",
    "SMTPResponseException",
    "SMTPSenderRefused",
    "SMTPServerDisconnected",
    "bCRLF",
    "quoteaddr",
    "quotedata",
]


def __getattr__(name: str) -> Any:
    return borrowed(name, __name__)
