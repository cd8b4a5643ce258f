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

from notifier.errors import InvalidHeader
from notifier.mime import headers as fields
from notifier.mime.composition import Composition
from notifier.mime.parts import Part, attached_part, calendar_part, inline_part, text_part
from notifier.model.address import Address
from notifier.model.content import Attachment, Content, InlineImage, StoredAttachment
from notifier.model.envelope import MailObject
from notifier.model.octets import joined


def compose(made_of: Composition) -> MailObject:
    """The message, 7-bit safe, CRLF throughout. Raises `InvalidHeader`, `InvalidAttachment`, `InvalidMail`."""
    fields.check_headers(made_of.headers)
    root = _root(made_of.content, made_of.attachments, boundary_token(made_of.message_id))
    header = "".join(
        (
            fields.addresses("From", [made_of.sender]),
            people(made_of.to, made_of.cc),
            fields.addresses("Reply-To", made_of.reply_to) if made_of.reply_to else "",
            changing_fields(made_of),
            "MIME-Version: 1.0\r\n",
        )
    )
    data = joined((header.encode(), root.header, b"\r\n", root.body))
    return MailObject(made_of.envelope, data, smtputf8=needs_smtputf8(made_of))


def changing_fields(made_of: Composition) -> str:
    """The fields that are another in each mail; they stand together, behind the people."""
    return "".join(
        (
            fields.unstructured("Subject", made_of.content.subject),
            fields.date(made_of.date),
            fields.message_id(made_of.message_id),
            further(made_of.headers),
        )
    )


def people(to: Sequence[Address], cc: Sequence[Address]) -> str:
    """The fields To and Cc; where nobody is to be seen, an empty group (RFC 5322 section 3.4)."""
    shown = fields.addresses("To", to) if to else "" if cc else "To: undisclosed-recipients:;\r\n"
    return shown + fields.addresses("Cc", cc) if cc else shown


def further(extra: Mapping[str, str]) -> str:
    """The application's own fields, and Auto-Submitted (RFC 3834) where it says nothing of that."""
    automatic = "" if any(name.lower() == "auto-submitted" for name in extra) else "Auto-Submitted: auto-generated\r\n"
    return automatic + "".join(fields.unstructured(name, value) for name, value in extra.items())


def needs_smtputf8(made_of: Composition) -> bool:
    """True where a path or a field holds an address that is not ASCII."""
    everybody = (made_of.sender, *made_of.to, *made_of.cc, *made_of.reply_to)
    return made_of.envelope.needs_smtputf8 or any(address.needs_smtputf8 for address in everybody)


def boundary_token(message_id: str) -> str:
    """What the boundaries of a mail have in common, so that a mail may stand in another one."""
    return hashlib.sha256(message_id.encode()).hexdigest()[:24]


def _root(content: Content, attachments: Sequence[Attachment | StoredAttachment], token: str) -> Part:
    alternatives = [text_part("plain", content.text)]
    if content.html is not None:
        html = text_part("html", content.html)
        if content.inline_images:
            check_apart(content.inline_images)
            html = multipart("related", [html, *map(inline_part, content.inline_images)], token, '; type="text/html"')
        alternatives.append(html)
    if content.calendar is not None:
        alternatives.append(calendar_part(content.calendar))
    body = alternatives[0] if len(alternatives) == 1 else multipart("alternative", alternatives, token)
    if not attachments:
        return body
    return multipart("mixed", [body, *map(attached_part, attachments)], token)


def check_apart(images: Sequence[InlineImage]) -> None:
    """Raises `InvalidHeader` for two images with one Content-ID."""
    ids = [image.content_id for image in images]
    if len(set(ids)) < len(ids):
        raise InvalidHeader("two inline images have one Content-ID, and programs would show one of them twice")


def multipart(subtype: str, parts: Sequence[Part], token: str, parameters: str = "") -> Part:
    """Parts as one; ``token`` is in the boundary, see `boundary_token`."""
    boundary = _boundary(subtype, parts, token)
    delimiter = b"--%b\r\n" % boundary
    # The CRLF before a delimiter belongs to the delimiter (RFC 2046 section 5.1.1); bodies end in one already.
    pieces = [piece for part in parts for piece in (delimiter, part.header, b"\r\n", part.body, b"\r\n")]
    header = b'Content-Type: multipart/%b%b;\r\n boundary="%b"\r\n' % (subtype.encode(), parameters.encode(), boundary)
    return Part(header, joined([*pieces, b"--%b--\r\n" % boundary]))


def _boundary(subtype: str, parts: Sequence[Part], token: str) -> bytes:
    """In none of the parts. With ``=_`` it can stand in no encoded one (RFC 2045 section 6.7, rule 1)."""
    first = boundary = f"=_{subtype[:3]}_{token}".encode()
    attempt = 0
    while any(isinstance(part.body, bytes) and boundary in part.body for part in parts):
        attempt += 1
        boundary = b"%b_%d" % (first, attempt)
    return boundary
