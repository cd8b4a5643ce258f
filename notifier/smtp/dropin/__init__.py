"""The standard library's mail client classes, name by name, over this package's reply parser.

Written for programs that exist: ``from notifier import smtp as smtplib``. New code has `notifier.smtp.Session`, which
pipelines and tells each recipient's outcome.

Programs also reach through the standard module for what it imports, as in ``except smtplib.socket.error``: those names are
here too, and loaded when they are used.
"""

from importlib import import_module
from typing import Any

from notifier.smtp.dropin.addresses import quoteaddr, quotedata
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

_IMPORTED = ("base64", "copy", "datetime", "email", "hmac", "io", "re", "socket", "ssl", "sys")


def __getattr__(name: str) -> Any:
    if name == "encode_base64":
        return import_module("email.base64mime").body_encode
    if name not in _IMPORTED:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    for part in ("generator", "message", "utils") if name == "email" else ():
        import_module(f"email.{part}")
    return import_module(name)
