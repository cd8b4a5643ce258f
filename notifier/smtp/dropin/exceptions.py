"""The exceptions of the drop-in: the names, attributes, arguments and words that programs know. All of them pickle.

`OSError.__init__` would take two arguments for an errno and its meaning, and show them so: a reply's code is neither.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType


class SMTPException(OSError):
    """The root of them all."""


class SMTPNotSupportedError(SMTPException):
    """The server does not offer what was asked for."""


class SMTPServerDisconnected(SMTPException):
    """The connection has ended, was never made, or its peer does not speak SMTP.

    ``recipients``: the replies that `LMTP.sendmail` had for its recipients before the end, acceptances too.
    """

    recipients: Mapping[str, tuple[int, bytes]] = MappingProxyType({})


class SMTPResponseException(SMTPException):
    """A reply other than the one hoped for: ``smtp_code``, ``smtp_error`` (its words, octets)."""

    def __init__(self, code: int, msg: bytes | str) -> None:
        self.smtp_code = code
        self.smtp_error = msg
        self.args = (code, msg)


class SMTPSenderRefused(SMTPResponseException):
    """MAIL was refused; ``sender`` is whom it was for."""

    def __init__(self, code: int, msg: bytes | str, sender: str) -> None:
        super().__init__(code, msg)
        self.args = (code, msg, sender)
        self.sender = sender


class SMTPRecipientsRefused(SMTPException):
    """Nobody was accepted; ``recipients`` maps each address to its reply, as `SMTP.sendmail` returns them."""

    def __init__(self, recipients: Mapping[str, tuple[int, bytes]]) -> None:
        self.recipients = recipients
        self.args = (recipients,)


class SMTPDataError(SMTPResponseException):
    """DATA, or the message, was refused."""


class SMTPConnectError(SMTPResponseException):
    """The greeting was not 220."""


class SMTPHeloError(SMTPResponseException):
    """HELO was refused."""


class SMTPAuthenticationError(SMTPResponseException):
    """The login was refused."""
