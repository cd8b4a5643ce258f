"""What a mail says, after the templates and before MIME."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class InlineImage:
    """An image that the html part shows by ``cid:``; ``content_id`` has no angle brackets."""

    content_id: str
    filename: str
    content_type: str
    data: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class Attachment:
    """A file that goes along. ``data`` is its octets, read once, at the call."""

    filename: str
    content_type: str
    data: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class Calendar:
    """An invitation: iCalendar with CRLF line ends (RFC 5545), and the ``method`` that stands in it (RFC 5546)."""

    method: str
    text: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Content:
    """Subject (one line), text, html where the template has it, and an invitation where the call has one."""

    subject: str
    text: str
    html: str | None = None
    inline_images: tuple[InlineImage, ...] = ()
    calendar: Calendar | None = None
