"""Steps 4 and 5 of the journey: from a claimed mail to the octets that go out."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Protocol

from notifier.delivery.own_fields import OwnFields
from notifier.delivery.signing import Signer
from notifier.mime import compose
from notifier.model.address import Address
from notifier.model.content import Attachment, Content
from notifier.model.email import Email
from notifier.model.envelope import Envelope, MailObject
from notifier.model.parameters import MailParameters


def message_id_of(email: Email, default_sender: Address) -> str:
    """Its Message-ID, the same in every attempt; ``default_sender`` is used where the mail names none."""
    return f"<{email.id}@{(email.sender or default_sender).ascii_domain}>"


def envelope_id_of(email: Email) -> str:
    """Its ENVID (RFC 3461 section 4.4): a DSN names the mail by it, whatever became of the message on its way."""
    return email.id


class TemplateRenderer(Protocol):
    """What the composer needs of the renderer."""

    def render(self, template: str, context: Mapping[str, Any], locale: str | None = None) -> Content: ...


class BlobReader(Protocol):
    """What the composer needs of the store."""

    def get_blob(self, blob: str) -> bytes: ...


@dataclass(frozen=True, slots=True)
class Composer:
    """Makes the message of a mail. ``sender`` is used where the mail names none."""

    renderer: TemplateRenderer
    blobs: BlobReader
    sender: Address
    signer: Signer = field(default_factory=Signer)
    own_fields: OwnFields = field(default_factory=OwnFields)

    def compose(
        self,
        email: Email,
        forward_paths: tuple[str, ...],
        composed: bytes | None = None,
        *,
        reverse_path: str | None = None,
    ) -> MailObject:
        """The mail for those recipients; with the octets of an earlier attempt where there are any.

        ``reverse_path`` None: the sender's. Message-ID and Date come from the mail's id and creation, so that every attempt says the same.
        """
        sender = email.sender or self.sender
        path = sender.forward_path if reverse_path is None else reverse_path
        envelope = Envelope(path, forward_paths, MailParameters(envid=envelope_id_of(email)))
        if composed is not None:
            return MailObject(envelope, composed, smtputf8=envelope.needs_smtputf8 or not composed.isascii())
        link = self.own_fields.link(email)
        context = email.context if link is None else {"unsubscribe_url": link, **email.context}
        mail = compose(
            self.renderer.render(email.template, context, email.locale),
            sender=sender,
            to=email.to,
            cc=email.cc,
            reply_to=email.reply_to,
            message_id=message_id_of(email, self.sender),
            date=datetime.fromtimestamp(email.created_at, UTC),
            headers=self.own_fields.headers(email, link),
            attachments=[self._attachment(email, index) for index in range(len(email.attachments))],
            envelope=envelope,
        )
        return self.signer.signed(mail, email, sender)

    def _attachment(self, email: Email, index: int) -> Attachment:
        ref = email.attachments[index]
        return Attachment(ref.filename, ref.content_type, self.blobs.get_blob(ref.blob))
