"""A Django message as the octets that Django's own SMTP backend would send."""

from __future__ import annotations

import inspect
from email.errors import MessageError
from email.message import Message
from email.policy import SMTP
from typing import Any

import django
from django.core.mail import EmailMessage

from notifier.delivery.own_message import check_fields
from notifier.errors import InvalidMail

MODERN: bool = django.VERSION >= (6, 0)  # messages are written by a policy since then


def octets_of(message: EmailMessage) -> bytes:
    """What ``message.message()`` is on the wire, subclasses' own included.

    Raises what Django raises for it, `InvalidHeader` for names and values that would begin another field, and `InvalidMail`.
    """
    try:
        made = _made(message)
        for part in made.walk():
            check_fields(part)
        _once(made)
        return made.as_bytes() if MODERN else _written(made)
    except (MessageError, IndexError) as error:  # the library's parsers stumble over malformed fields
        raise InvalidMail(f"the message cannot be written: {type(error).__name__}: {error}") from error


def _once(made: Message[Any, Any]) -> None:
    """Django 4.2 writes these fields twice where they stand in ``headers``."""
    for name in ("To", "Cc", "Reply-To"):
        found = made.get_all(name, [])
        if len(found) > 1 and len(set(found)) == 1:
            del made[name]
            made[name] = found[0]


def _made(message: EmailMessage) -> Message[Any, Any]:
    made: Message[Any, Any] = message.message(policy=SMTP) if _takes_policy(message) else message.message()
    return made


def _takes_policy(message: EmailMessage) -> bool:
    """Subclasses that were written for older versions take none."""
    if type(message).message is EmailMessage.message:
        return MODERN
    return "policy" in inspect.signature(message.message).parameters


def _written(made: Any) -> bytes:
    octets: bytes = made.as_bytes(linesep="\r\n")
    return octets
