"""Our errors as those that Django's users catch. Each has ours as its ``__cause__``, which says more.

=====================================  =======================================================================
`InvalidHeader`                        `BadHeader`: Django's ``BadHeaderError``
`InvalidMail` and its other kinds      stay what they are: ``ValueError``
`ConfigurationError`                   ``ImproperlyConfigured``
`BrokerUnavailable`, `StoreError`      `MailNotQueued`: ``smtplib.SMTPException``, as Django documents for mails that cannot be sent
`DeliveryError`, `PoolError`           the ``smtplib.SMTPException`` of its kind
=====================================  =======================================================================
"""

from __future__ import annotations

import smtplib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from django.core.exceptions import ImproperlyConfigured
from django.core.mail.message import BadHeaderError

from notifier import errors


class BadHeader(errors.InvalidHeader, BadHeaderError):
    """A field that would break or forge the header."""


class MailNotQueued(errors.NotifierError, smtplib.SMTPException):
    """Broker or store was not reached, or could not take the mail; nothing was stored."""


@contextmanager
def djangos_errors(sender: str = "", recipients: Sequence[str] = ()) -> Iterator[None]:
    """Raises Django's kind of error for ours; ``sender`` and ``recipients`` stand in some of them."""
    try:
        yield
    except errors.InvalidHeader as error:
        raise BadHeader(str(error)) from error
    except errors.ConfigurationError as error:
        raise ImproperlyConfigured(str(error)) from error
    except (errors.BrokerUnavailable, errors.StoreError) as error:
        raise MailNotQueued(str(error)) from error
    except errors.PoolError as error:
        raise smtplib.SMTPServerDisconnected(str(error)) from error
    except errors.DeliveryError as error:
        raise _smtp_error(error, sender, recipients) from error


# By the phase: the second tree of `notifier.errors`.
_WITH_REPLY: tuple[tuple[type[Exception], type[smtplib.SMTPResponseException]], ...] = (
    (errors.SMTPDataError, smtplib.SMTPDataError),
    (errors.SMTPAuthenticationError, smtplib.SMTPAuthenticationError),
    (errors.SMTPHeloError, smtplib.SMTPHeloError),
    (errors.SMTPConnectError, smtplib.SMTPConnectError),
)


def _smtp_error(error: errors.DeliveryError, sender: str, recipients: Sequence[str]) -> smtplib.SMTPException:
    code, text = error.fault.code or -1, str(error).encode()
    if isinstance(error, errors.SMTPRecipientsRefused):
        return smtplib.SMTPRecipientsRefused(dict.fromkeys(recipients, (code, text)))
    if isinstance(error, errors.SMTPSenderRefused):
        return smtplib.SMTPSenderRefused(code, text, sender)
    if isinstance(error, errors.SMTPServerDisconnected):
        return smtplib.SMTPServerDisconnected(str(error))
    if isinstance(error, errors.SMTPNotSupportedError):
        return smtplib.SMTPNotSupportedError(str(error))
    for ours, djangos in _WITH_REPLY:
        if isinstance(error, ours):
            return djangos(code, text)
    return smtplib.SMTPException(str(error))
