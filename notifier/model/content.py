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
class Content:
    """Subject (one line), text, and html where the template has it."""

    subject: str
    text: str
    html: str | None = None
    inline_images: tuple[InlineImage, ...] = ()
