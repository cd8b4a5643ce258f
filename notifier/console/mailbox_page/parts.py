"""What a page shows of a message: its text, its html, and every other part as a file."""

from __future__ import annotations

import re
from collections.abc import Iterator
from email.contentmanager import raw_data_manager
from email.message import EmailMessage
from typing import Protocol

from notifier.console.foreign_html import framed


class Mail(Protocol):
    """What the page needs of a mail. ``received_at`` is seconds since the epoch."""

    @property
    def number(self) -> int: ...
    @property
    def received_at(self) -> float: ...
    @property
    def reverse_path(self) -> str: ...
    @property
    def recipients(self) -> tuple[str, ...]: ...
    @property
    def data(self) -> bytes: ...
    @property
    def tls(self) -> str | None: ...
    @property
    def message(self) -> EmailMessage: ...
    @property
    def subject(self) -> str: ...


def body_of(message: EmailMessage, kind: str) -> str | None:
    """The text of the ``plain`` or ``html`` body; None where there is none."""
    part = message.get_body((kind,))
    return _text(part) if isinstance(part, EmailMessage) else None


def files_of(message: EmailMessage) -> list[EmailMessage]:
    """Every part that is no body, in the order of the message: attachments, inline images, mails in the mail."""
    bodies = [message.get_body(("plain",)), message.get_body(("html",))]
    return [part for part in _leaves(message) if not any(part is body for body in bodies)]


def is_inline(part: EmailMessage) -> bool:
    """True for what the html shows and nobody would look for among the attachments."""
    return part.get_content_disposition() == "inline" or "Content-ID" in part


def octets_of(part: EmailMessage) -> bytes:
    """A file's octets, decoded."""
    if part.get_content_type() == "message/rfc822" and part.is_multipart():
        inner = part.get_payload(0)
        return inner.as_bytes() if isinstance(inner, EmailMessage) else b""
    payload = part.get_payload(decode=True)
    return payload if isinstance(payload, bytes) else b""


def name_of(part: EmailMessage, index: int) -> str:
    """A file's name, made harmless: no folders, no controls, nothing that turns the direction of writing."""
    name = re.split(r"[/\\]", part.get_filename() or "")[-1]
    name = "".join(char for char in name if char.isprintable()).strip(". ")
    return name[:200] or f"part-{index + 1}.{part.get_content_subtype().partition('+')[0]}"


def shown_html(mail: Mail) -> str | None:
    """The html body, its ``cid:`` images taken from this mail; None where there is none."""
    text = body_of(mail.message, "html")
    if text is None:
        return None
    places = {
        str(part.get("Content-ID", "")).strip().strip("<>"): f"/mail/{mail.number}/image/{index}"
        for index, part in enumerate(files_of(mail.message))
    }
    return framed(text, places)


def _leaves(message: EmailMessage) -> Iterator[EmailMessage]:
    if message.get_content_maintype() == "multipart" and message.is_multipart():
        for part in message.iter_parts():
            if isinstance(part, EmailMessage):
                yield from _leaves(part)
    else:
        yield message


def _text(part: EmailMessage) -> str:
    try:
        return str(raw_data_manager.get_content(part, errors="replace"))
    except (LookupError, UnicodeError):  # a charset that nobody knows, or that is no text encoding
        return octets_of(part).decode("ascii", "replace")
