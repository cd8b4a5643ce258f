"""The parts of a message, each by itself: a text, an image that the html shows, a file that goes along."""

from __future__ import annotations

from dataclasses import dataclass, field

from notifier.errors import InvalidHeader
from notifier.mime import headers as fields
from notifier.mime.bodies import Base64, Encode, base64_lines, is_plain_message, text_body
from notifier.mime.files import check_content_type, safe_filename
from notifier.model.content import Attachment, Calendar, InlineImage, StoredAttachment
from notifier.model.octets import Octets, Source, Streamed

_CONTENT_ID = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-_@")


@dataclass(frozen=True, slots=True)
class Part:
    """Header fields with CRLF, and octets, which end in CRLF. ``plain``: the octets are not encoded."""

    header: bytes
    body: Octets = field(repr=False)
    plain: bool = False


def text_part(subtype: str, text: str, quoted: Encode | None = None) -> Part:
    """A text. Raises `InvalidMail`."""
    encoding, octets = text_body(text, quoted)
    header = f"Content-Type: text/{subtype}; charset=utf-8\r\nContent-Transfer-Encoding: {encoding}\r\n"
    return Part(header.encode(), octets, encoding == "7bit")


def calendar_part(calendar: Calendar) -> Part:
    """An invitation (RFC 6047 section 2.4)."""
    return text_part(f"calendar; method={calendar.method}", calendar.text)


def inline_part(image: InlineImage) -> Part:
    """An image with its Content-ID. Raises `InvalidHeader`, `InvalidAttachment`."""
    if not image.content_id or not _CONTENT_ID.issuperset(image.content_id):
        raise InvalidHeader(f"a Content-ID is letters, digits and .-_@, not {image.content_id!r}")
    content_id = f"Content-ID: <{image.content_id}>\r\n"
    return _file(image.filename, check_content_type(image.content_type), image.data, "inline", content_id)


def attached_part(attachment: Attachment | StoredAttachment) -> Part:
    """A file. Raises `InvalidAttachment`."""
    return _file(attachment.filename, check_content_type(attachment.content_type), attachment.data, "attachment")


def _file(filename: str, content_type: str, data: bytes | Source, disposition: str, more: str = "") -> Part:
    name = fields.parameter("filename", safe_filename(filename))
    return file_part(content_type, data, f"Content-Disposition: {disposition}{name}\r\n{more}")


def file_part(content_type: str, data: bytes | Source, more: str, parameters: str = "") -> Part:
    """A file of a checked type; ``more``: its other fields, with CRLF; ``parameters``: those of its type.

    A message goes as it is, for RFC 2046 section 5.2.1 allows it no encoding; one that could not arrive so is a file like others.
    """
    if content_type.startswith("message/"):
        if content_type == "message/rfc822" and isinstance(data, bytes) and is_plain_message(data):
            return Part(_file_header(content_type + parameters, "7bit", more), data, plain=True)
        content_type, parameters = "application/octet-stream", ""
    header = _file_header(content_type + parameters, "base64", more)
    if isinstance(data, bytes):
        return Part(header, base64_lines(data) or b"\r\n")
    return Part(header, Streamed([Base64(data)]))


def _file_header(content_type: str, encoding: str, more: str) -> bytes:
    return f"Content-Type: {content_type}\r\nContent-Transfer-Encoding: {encoding}\r\n{more}".encode()
