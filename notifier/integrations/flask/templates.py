"""A mail from a template as a `Message`, for those who record messages or listen to the signal."""

from __future__ import annotations

from collections.abc import Iterator

from notifier.delivery.intake import Accepted
from notifier.integrations.flask.attachment import Attachment
from notifier.integrations.flask.mailboxes import Mailbox
from notifier.integrations.flask.message import Message
from notifier.model.address import Address
from notifier.rendering import Renderer


def recorded(accepted: Accepted, renderer: Renderer) -> Message:
    """What it will say. Raises `TemplateError`. Attachments that are stored already are not among its own."""
    email = accepted.email
    content = renderer.render(email.template, email.context, email.locale)
    return Message(
        content.subject,
        recipients=_texts(email.to),
        body=content.text,
        html=content.html,
        sender=str(email.sender) if email.sender else "notifier@localhost",
        cc=_texts(email.cc),
        bcc=_texts(email.bcc),
        reply_to=str(email.reply_to[0]) if email.reply_to else None,
        extra_headers=dict(email.headers),
        date=email.created_at,
        attachments=list(_files(accepted)),
    )


def _texts(addresses: tuple[Address, ...]) -> list[Mailbox]:
    return [str(address) for address in addresses]


def _files(accepted: Accepted) -> Iterator[Attachment]:
    for ref in accepted.email.attachments:
        if ref.blob in accepted.blobs:
            octets = accepted.blobs[ref.blob]
            # Big files are read in blocks.
            data = octets if isinstance(octets, bytes) else b"".join(octets)
            yield Attachment(ref.filename, ref.content_type, data)
