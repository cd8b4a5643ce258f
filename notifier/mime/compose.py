"""`compose`: content, people and files become one message. The same arguments make the same octets.

mixed                      where there are attachments
├── alternative            where there is html
│   ├── text/plain
│   ├── related            where the html shows inline images
│   │   ├── text/html
│   │   └── image/…
│   └── text/calendar      where it is an invitation: the last is what a program shows if it can (RFC 2046 section 5.1.4)
└── attachments
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from notifier.errors import InvalidHeader
from notifier.mime import headers as fields
from notifier.mime.bodies import base64_lines, text_body
from notifier.mime.files import check_content_type, safe_filename
from notifier.model.address import Address
from notifier.model.content import Attachment, Content, InlineImage
from notifier.model.envelope import Envelope, MailObject

_CONTENT_ID = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-_@")


@dataclass(frozen=True, slots=True)
class Part:
    """A part of the tree: its header fields with CRLF, and its octets, which end in CRLF."""

    header: str
    body: bytes = field(repr=False)


def compose(
    content: Content,
    *,
    sender: Address,
    to: Sequence[Address],
    message_id: str,
    date: datetime,
    envelope: Envelope,
    cc: Sequence[Address] = (),
    reply_to: Sequence[Address] = (),
    headers: Mapping[str, str] | None = None,
    attachments: Sequence[Attachment] = (),
) -> MailObject:
    """The message, 7-bit safe, CRLF throughout. Raises `InvalidHeader`, `InvalidAttachment`, `InvalidMail`."""
    extra = headers or {}
    fields.check_headers(extra)
    root = _root(content, attachments, message_id)
    header = "".join(
        (
            fields.addresses("From", [sender]),
            fields.addresses("To", to) if to else "" if cc else "To: undisclosed-recipients:;\r\n",
            fields.addresses("Cc", cc) if cc else "",
            fields.addresses("Reply-To", reply_to) if reply_to else "",
            fields.unstructured("Subject", content.subject),
            fields.date(date),
            fields.message_id(message_id),
            "" if any(name.lower() == "auto-submitted" for name in extra) else "Auto-Submitted: auto-generated\r\n",
            *(fields.unstructured(name, value) for name, value in extra.items()),
            "MIME-Version: 1.0\r\n",
            root.header,
        )
    )
    shown = (sender, *to, *cc, *reply_to)
    utf8 = envelope.needs_smtputf8 or any(address.needs_smtputf8 for address in shown)
    return MailObject(envelope, header.encode() + b"\r\n" + root.body, smtputf8=utf8)


def _root(content: Content, attachments: Sequence[Attachment], seed: str) -> Part:
    alternatives = [_text("plain", content.text)]
    if content.html is not None:
        html = _text("html", content.html)
        if content.inline_images:
            _check_apart(content.inline_images)
            html = _multipart("related", [html, *map(_inline, content.inline_images)], seed, '; type="text/html"')
        alternatives.append(html)
    if content.calendar is not None:
        alternatives.append(_text(f"calendar; method={content.calendar.method}", content.calendar.text))
    body = alternatives[0] if len(alternatives) == 1 else _multipart("alternative", alternatives, seed)
    if not attachments:
        return body
    return _multipart("mixed", [body, *map(_attached, attachments)], seed)


def _text(subtype: str, text: str) -> Part:
    encoding, octets = text_body(text)
    return Part(
        f"Content-Type: text/{subtype}; charset=utf-8\r\nContent-Transfer-Encoding: {encoding}\r\n",
        octets,
    )


def _check_apart(images: Sequence[InlineImage]) -> None:
    ids = [image.content_id for image in images]
    if len(set(ids)) < len(ids):
        raise InvalidHeader("two inline images have one Content-ID, and programs would show one of them twice")


def _inline(image: InlineImage) -> Part:
    if not image.content_id or not _CONTENT_ID.issuperset(image.content_id):
        raise InvalidHeader(f"a Content-ID is letters, digits and .-_@, not {image.content_id!r}")
    return _file(image.filename, image.content_type, image.data, "inline", f"Content-ID: <{image.content_id}>\r\n")


def _attached(attachment: Attachment) -> Part:
    return _file(attachment.filename, attachment.content_type, attachment.data, "attachment", "")


def _file(filename: str, content_type: str, data: bytes, disposition: str, more: str) -> Part:
    name = fields.parameter("filename", safe_filename(filename))
    return Part(
        f"Content-Type: {check_content_type(content_type)}\r\n"
        f"Content-Transfer-Encoding: base64\r\n"
        f"Content-Disposition: {disposition}{name}\r\n{more}",
        base64_lines(data) or b"\r\n",
    )


def _multipart(subtype: str, parts: Sequence[Part], seed: str, parameters: str = "") -> Part:
    boundary = _boundary(subtype, parts, seed)
    delimiter = f"--{boundary}\r\n".encode()
    # The CRLF before a delimiter belongs to the delimiter (RFC 2046 section 5.1.1); bodies end in one already.
    body = b"".join(delimiter + part.header.encode() + b"\r\n" + part.body + b"\r\n" for part in parts)
    header = f'Content-Type: multipart/{subtype}{parameters};\r\n boundary="{boundary}"\r\n'
    return Part(header, body + f"--{boundary}--\r\n".encode())


def _boundary(subtype: str, parts: Sequence[Part], seed: str) -> str:
    """The same for the same mail, and in none of its parts."""
    attempt = 0
    while True:
        digest = hashlib.sha256(f"{seed} {subtype} {attempt}".encode()).hexdigest()[:24]
        boundary = f"=_{subtype[:3]}_{digest}"
        if not any(boundary.encode() in part.body for part in parts):
            return boundary
        attempt += 1
