"""What Django lets through and no mail should have: refused before anything is composed."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from email.utils import parsedate_to_datetime

from django.core.mail import EmailMessage

from notifier.errors import InvalidHeader
from notifier.mime import safe_filename
from notifier.mime.headers import MAX_FIELDS, MAX_TOTAL, check_value, message_id
from notifier.mime.list_unsubscribe import check_list_unsubscribe

# Django writes From, To, Cc and Reply-To from ``headers`` where they stand there.
REFUSED: Mapping[str, str] = {
    "bcc": "use the argument bcc: it never stands in the header",
    "content-transfer-encoding": "it is chosen when the message is written",
    "content-type": "use content_subtype, alternatives or attachments",
    "dkim-signature": "set NOTIFIER['dkim']",
    "mime-version": "it is written with the message",
    "received": "relays write it",
    "subject": "use the argument subject",
    "return-path": "use from_email for the envelope, and headers={'From': …} for what is to be seen",
}


def check(message: EmailMessage) -> None:
    """Raises `InvalidHeader`, `InvalidAttachment`."""
    check_value("Subject", str(message.subject))
    if message.extra_headers:
        _check_headers(message.extra_headers)
    for attachment in message.attachments:
        if isinstance(attachment, tuple) and attachment and attachment[0]:
            safe_filename(str(attachment[0]))


def _check_headers(headers: Mapping[str, object]) -> None:
    texts = {str(name): _text(value) for name, value in headers.items()}
    total = sum(len(name) + len(value) for name, value in texts.items())
    if len(texts) > MAX_FIELDS or total > MAX_TOTAL:
        raise InvalidHeader(
            f"{len(texts)} headers of {total:,} characters in all; the limits are {MAX_FIELDS} and {MAX_TOTAL:,}"
        )
    seen: set[str] = set()
    for name, value in texts.items():
        _check_header(name, value, seen)
    check_list_unsubscribe(texts)


def _text(value: object) -> str:
    return value.isoformat() if isinstance(value, datetime) else str(value)


def _check_header(name: str, value: str, seen: set[str]) -> None:
    small = name.lower()
    if small in REFUSED:
        raise InvalidHeader(f"the header {name!r} is not set by hand; {REFUSED[small]}")
    if small in seen:
        raise InvalidHeader(f"header {name!r} stands there twice")
    seen.add(small)
    check_value(name, value)
    if small == "message-id":
        message_id(value)
    if small == "date":
        _check_date(value)


def _check_date(value: str) -> None:
    try:
        try:
            found = parsedate_to_datetime(value)
        except ValueError:
            found = datetime.fromisoformat(value)  # of a datetime, which Django 6 takes
    except ValueError:
        raise InvalidHeader(f"a Date is like 'Fri, 09 Nov 2001 01:08:47 -0000', not {value[:80]!r}") from None
    if not 1900 <= found.year <= 9998:  # RFC 5322 section 3.3
        raise InvalidHeader(f"the Date {value[:80]!r} is in a year that no mail is of")
