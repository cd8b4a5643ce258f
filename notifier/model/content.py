"""What a mail says, after the templates and before MIME."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from notifier.model.octets import Source


@dataclass(frozen=True, slots=True)
class InlineImage:
    """An image that the html part shows by ``cid:``; ``content_id`` has no angle brackets."""

    content_id: str
    filename: str
    content_type: str
    data: bytes = field(repr=False)


def content_id_of(blob: str) -> str:
    """The Content-ID of an image that a call brings along, by the sha256 (hex) of its octets: known before it is stored."""
    return f"{blob[:32]}@notifier"


@dataclass(frozen=True, slots=True)
class Attachment:
    """A file that goes along. ``data`` is its octets, read once, at the call. ``inline``: the html part shows it."""

    filename: str
    content_type: str
    data: bytes = field(repr=False)
    inline: bool = False


@dataclass(frozen=True, slots=True)
class StoredAttachment:
    """The same of a blob: ``blob`` (sha256, hex) says what the octets are, and they are read where they are needed.

    What ``read`` gives for a big one is a `Source`.
    """

    filename: str
    content_type: str
    blob: str
    read: Callable[[str], bytes | Source] = field(repr=False, compare=False)

    @property
    def data(self) -> bytes | Source:
        """Its octets, read anew. Raises what ``read`` raises."""
        return self.read(self.blob)


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
