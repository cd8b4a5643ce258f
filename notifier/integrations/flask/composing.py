"""From a `Message` to its octets: header fields by Notifier's own writer, then

mixed                      where there are attachments
├── alternative            where there are several texts
│   ├── text/plain
│   └── text/…             in the order of ``alts``
└── attachments
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from notifier.delivery.intake import MAX_ATTACHMENTS
from notifier.errors import InvalidAddress, InvalidAttachment, InvalidHeader
from notifier.integrations.flask.attachment import Attachment
from notifier.integrations.flask.mailboxes import mailbox, mailboxes
from notifier.integrations.flask.parts import file_part, text_part
from notifier.integrations.flask.sanitizing import pairs, unfolded, written
from notifier.mime import headers as fields
from notifier.mime.compose import boundary_token, multipart, people
from notifier.mime.parts import Part
from notifier.model.address import Address
from notifier.model.octets import whole

if TYPE_CHECKING:
    from notifier.integrations.flask.message import Message

# What `Message` has its own arguments for, and what others write.
_NOT_EXTRA: Mapping[str, str] = {
    **{name: f"the argument {name}" for name in ("cc", "bcc", "date", "reply_to", "sender", "subject")},
    "reply-to": "the argument reply_to",
    "from": "the argument sender",
    "to": "the argument recipients",
    "message-id": "the attribute msgId",
}


def composed(message: Message, *, ascii_names: bool) -> bytes:
    """The message, 7-bit safe, CRLF throughout. Raises an `InvalidMail` that says what is wrong."""
    header = _header(message).encode()
    root = _root(message, ascii_names=ascii_names)
    return b"".join((header, root.header, b"\r\n", whole(root.body)))


def check_header(message: Message) -> None:
    """Raises `InvalidAddress` and `InvalidHeader`."""
    _header(message)
    mailboxes("bcc", message.bcc or ())


def recipients_of(message: Message) -> Iterator[Address]:
    """Everybody who gets it, in the order of the fields. Raises `InvalidAddress`."""
    for field, given in (("recipients", message.recipients), ("cc", message.cc), ("bcc", message.bcc)):
        yield from mailboxes(field, given or ())


def _header(message: Message) -> str:
    extra = pairs("extra_headers", message.extra_headers)
    _check_extra(extra)
    subject = unfolded(written("the subject", message.subject or ""))
    return "".join(
        (
            fields.addresses("From", [_one("sender", message.sender)]),
            people(mailboxes("recipients", message.recipients or ()), mailboxes("cc", message.cc or ())),
            fields.addresses("Reply-To", [_one("reply_to", message.reply_to)]) if message.reply_to else "",
            fields.unstructured("Subject", subject) if subject else "",
            fields.date(_moment(message.date)),
            _message_id(message.msgId),
            "".join(fields.unstructured(name, _value(name, value)) for name, value in extra.items()),
            "MIME-Version: 1.0\r\n",
        )
    )


def _one(field: str, given: object) -> Address:
    try:
        return mailbox(given)
    except InvalidAddress as error:
        raise InvalidAddress(f"{field}: {error}") from error


def _value(name: str, given: object) -> str:
    return unfolded(written(f"header {name!r}", given))


def _message_id(given: object) -> str:
    if not isinstance(given, str):
        raise InvalidHeader(f"a Message-ID is <left@right> in printable ASCII, not {given!r}")
    return fields.message_id(str(given))


def _check_extra(extra: Mapping[str, object]) -> None:
    for name in extra:
        if isinstance(name, str) and name.lower() in _NOT_EXTRA:
            raise InvalidHeader(f"{name!r} would stand in the header twice; use {_NOT_EXTRA[name.lower()]}")
    fields.check_headers({name: _value(name, value) for name, value in extra.items()})


def _moment(seconds: object) -> datetime:
    """In local time, as Flask-Mail has it."""
    given = time.time() if seconds is None else seconds
    try:
        return datetime.fromtimestamp(given, UTC).astimezone()  # type: ignore[arg-type]  # what is no number raises
    except (TypeError, ValueError, OverflowError, OSError) as error:
        raise InvalidHeader(f"date is seconds since the epoch, not {seconds!r}") from error


def _root(message: Message, *, ascii_names: bool) -> Part:
    attachments = _checked_files(message.attachments or ())
    token = boundary_token(message.msgId)
    texts = list(_texts(message))
    body = texts[0] if len(texts) == 1 else multipart("alternative", texts, token)
    files = [file_part(file, ascii_name=ascii_names) for file in attachments]
    return multipart("mixed", [body, *files], token) if files else body


def _checked_files(files: Sequence[Attachment]) -> Sequence[Attachment]:
    if not isinstance(files, Sequence) or not all(hasattr(file, "disposition") for file in files):
        raise InvalidAttachment("attachments is a list of Attachment; message.attach makes one")
    if len(files) > MAX_ATTACHMENTS:
        raise InvalidAttachment(f"more than {MAX_ATTACHMENTS} attachments")
    ids = [
        str(value)
        for file in files
        for name, value in pairs("the headers of an attachment", file.headers).items()
        if str(name).lower() == "content-id"
    ]
    if len(set(ids)) < len(ids):
        raise InvalidHeader("two attachments have one Content-ID, and programs would show one of them twice")
    return files


def _texts(message: Message) -> Iterator[Part]:
    alternatives = pairs("alts", message.alts)
    if message.body is not None or not alternatives:
        yield text_part("plain", written("the body", message.body or ""), message.charset)
    for subtype, text in alternatives.items():
        yield text_part(subtype, written(f"the alternative {subtype!r}", text), message.charset)
