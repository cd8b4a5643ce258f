"""Ordinary messages, composed by our own composer: what Django's would say, in a fraction of its time.

Whatever is less than ordinary (parts of one's own, another charset, a subclass, fields set by hand that Django writes by
itself) is left to Django; so is what is wrong, for Django's own errors are known.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from django.conf import settings
from django.core.mail import EmailMessage, EmailMultiAlternatives
from django.utils.functional import Promise

from notifier.delivery.own_message import OwnMessage
from notifier.errors import InvalidMail
from notifier.mime import headers as fields
from notifier.mime.bodies import base64_lines, text_body
from notifier.mime.compose import multipart
from notifier.mime.parts import Part, attached_part
from notifier.mime.recurring import Lines
from notifier.model.address import Address
from notifier.model.content import Attachment
from notifier.model.ids import new_token
from notifier.model.octets import whole

# What Django gives every message; another attribute may be one that its composer looks at.
_USUAL = frozenset(
    {"to", "cc", "bcc", "reply_to", "from_email", "subject", "body", "attachments", "extra_headers", "alternatives"}
    | {"connection", "_connection", "content_subtype", "notifier_id"}
)
_FIELD = re.compile(
    r"(?!content-|resent-|date$|sender$|message-id$|from$|to$|cc$|reply-to$)[!-9;-~]{1,76}\Z", re.IGNORECASE
)
_TEXT = re.compile(r"text/([a-z0-9.+-]+)\Z")
_FILE = re.compile(r"(?!text/|message/|multipart/)[a-z]+/[A-Za-z0-9.+_-]+\Z")

_LINES = Lines()  # most of a template's come again


def plain(message: EmailMessage) -> OwnMessage | None:
    """The message without Message-ID and Date, which are added from the mail's id and time; None: it is for Django."""
    if not _is_ordinary(message):
        return None
    try:
        return _composed(message)
    except InvalidMail:
        return None


def _is_ordinary(message: EmailMessage) -> bool:
    return (
        type(message) in (EmailMultiAlternatives, EmailMessage)
        and vars(message).keys() <= _USUAL
        and message.encoding is None
        and settings.DEFAULT_CHARSET == "utf-8"
        and not settings.EMAIL_USE_LOCALTIME
        and message.content_subtype in ("plain", "html")
        and isinstance(message.body, str | Promise)  # octets are text in Django 6
        and all(_FIELD.match(name) and isinstance(value, str) for name, value in message.extra_headers.items())
    )


def _composed(message: EmailMessage) -> OwnMessage | None:
    parts = _root(message, new_token()[:24])
    if parts is None:
        return None
    author = Address.parse(str(message.from_email))
    to, cc, reply_to, bcc = (_mailboxes(given) for given in (message.to, message.cc, message.reply_to, message.bcc))
    shown = (author, *to, *cc, *reply_to)
    # Names may be encoded words already: `email.utils.formataddr` makes such.
    if any(one.needs_smtputf8 or "=?" in one.display_name for one in shown):
        return None
    header = (
        fields.unstructured("Subject", str(message.subject))
        + fields.addresses("From", [author])
        + "".join(
            fields.addresses(name, them) for name, them in (("To", to), ("Cc", cc), ("Reply-To", reply_to)) if them
        )
        + "".join(fields.unstructured(name, value) for name, value in message.extra_headers.items())
        + "MIME-Version: 1.0\r\n"
    )
    data = b"".join((header.encode(), parts.header, b"\r\n", whole(parts.body)))
    return OwnMessage(data, (*to, *cc, *bcc), (author,), author, None)


def _mailboxes(given: Sequence[object]) -> list[Address]:
    return [Address.parse(str(one)) for one in given if one]


def _root(message: EmailMessage, token: str) -> Part | None:
    """As Django builds it: an empty body stands only where nothing else does."""
    body, alternatives = str(message.body), getattr(message, "alternatives", ())
    texts: list[Part] = []
    if body or not (alternatives or message.attachments):
        texts.append(_text(message.content_subtype, body))
    for content, mimetype in alternatives:
        kind = _TEXT.match(mimetype) if isinstance(mimetype, str) and isinstance(content, str) else None
        if kind is None:
            return None
        texts.append(_text(kind[1], content))
    files = list(_files(message.attachments))
    if len(files) < len(message.attachments):
        return None
    shown = [multipart("alternative", texts, token)] if alternatives else texts
    return multipart("mixed", [*shown, *files], token) if files else shown[0]


def _text(subtype: str, text: str) -> Part:
    """To the character: the last line has an end only where the text has one."""
    encoding, octets = text_body(text, _LINES.quoted_printable)
    if not text.endswith(("\n", "\r")):
        octets = base64_lines(text.encode()) if encoding == "base64" else octets.removesuffix(b"\r\n")
    header = f"Content-Type: text/{subtype}; charset=utf-8\r\nContent-Transfer-Encoding: {encoding}\r\n"
    return Part(header.encode(), octets, encoding == "7bit")


def _files(attachments: Sequence[object]) -> Iterator[Part]:
    """Of octets with a name; fewer than there are where one is something else."""
    for attachment in attachments:
        if not isinstance(attachment, tuple) or len(attachment) != 3:
            return
        name, content, mimetype = attachment
        if not (isinstance(name, str) and isinstance(content, bytes) and isinstance(mimetype, str)):
            return
        if not _FILE.match(mimetype):
            return
        yield attached_part(Attachment(name, mimetype, content))
