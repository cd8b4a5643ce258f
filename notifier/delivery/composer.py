"""Steps 4 and 5 of the journey: from a claimed mail to the octets that go out."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any, Protocol

from notifier.delivery.own_fields import OwnFields, supplied
from notifier.delivery.returning import Returning
from notifier.delivery.signing import Signer
from notifier.mime import Composition, Compositor, invitation_file
from notifier.mime.message import author_domain, completed, header_is_ascii, header_of, is_signed
from notifier.model.address import Address
from notifier.model.content import Attachment, Content, InlineImage, StoredAttachment, content_id_of
from notifier.model.email import AttachmentRef, Email, MessageRef
from notifier.model.envelope import Envelope, MailObject
from notifier.model.octets import Octets, Source, as_message
from notifier.model.parameters import MailParameters
from notifier.model.stopwatch import Step, Stopwatch

STREAMED = 8 * 2**20  # octets; bigger attachments, and messages of the application's own, are read as they go out


def message_id_of(email: Email, default_sender: Address) -> str:
    """Its Message-ID, the same in every attempt; ``default_sender`` is used where the mail names none."""
    if email.message is not None and email.message.message_id is not None:
        return email.message.message_id
    return f"<{email.id}@{(email.sender or default_sender).ascii_domain}>"


def _senders_path(email: Email, sender: Address) -> str:
    return sender.forward_path if email.message is None else email.message.reverse_path


def _is_from_nobody(email: Email) -> bool:
    """The null sender stays one, whatever an account says: answers to answers never end (RFC 5321 section 4.5.5)."""
    return email.message is not None and not email.message.reverse_path


def _is_shown(ref: AttachmentRef, content: Content) -> bool:
    """Where there is no html part, what it would show is a file like others."""
    return ref.inline and content.html is not None


class TemplateRenderer(Protocol):
    """What the composer needs of the renderer."""

    def render(self, template: str, context: Mapping[str, Any], locale: str | None = None) -> Content: ...


class BlobReader(Protocol):
    """What the composer needs of the store."""

    def get_blob(self, blob: str) -> bytes: ...
    def open_blob(self, blob: str) -> bytes | Source: ...


@dataclass(frozen=True, slots=True)
class Composer:
    """Makes the message of a mail. ``sender`` is used where the mail names none."""

    renderer: TemplateRenderer
    blobs: BlobReader
    sender: Address
    signer: Signer = field(default_factory=Signer)
    own_fields: OwnFields = field(default_factory=OwnFields)
    compositor: Compositor = field(default_factory=Compositor, repr=False)
    returning: Returning = field(default_factory=Returning)

    def compose(
        self,
        email: Email,
        forward_paths: tuple[str, ...],
        composed: Octets | None = None,
        *,
        reverse_path: str | None = None,
        watch: Stopwatch | None = None,
    ) -> MailObject:
        """The mail for those recipients; with the octets of an earlier attempt, or the application's own, where there are any.

        ``reverse_path`` None: the mailbox of bounces, or where there is none the sender's. Message-ID and Date come from the mail's id and creation, so that every attempt says the same.
        """
        sender = email.sender or self.sender
        watch = watch or Stopwatch()
        envelope = Envelope(
            self._path_of(email, sender, reverse_path),
            forward_paths,
            MailParameters(envid=self.returning.envelope_id(email)),
        )
        if composed is None and email.message is not None:
            with watch.step(Step.COMPOSE):
                return self._own_message(email, email.message, envelope)
        if composed is not None:
            return MailObject(envelope, composed, smtputf8=envelope.needs_smtputf8 or not header_is_ascii(composed))
        link = self.own_fields.link(email)
        with watch.step(Step.RENDER):
            context = {**supplied(link), **email.context}
            content = self.renderer.render(email.template, context, email.locale)
        with watch.step(Step.COMPOSE):
            return self._composed(email, sender, envelope, content, link)

    def _composed(
        self, email: Email, sender: Address, envelope: Envelope, content: Content, link: str | None
    ) -> MailObject:
        mail = self.compositor.compose(
            Composition(
                self._with_what_the_call_brought(content, email),
                sender=sender,
                to=email.to,
                cc=email.cc,
                reply_to=email.reply_to,
                message_id=message_id_of(email, self.sender),
                date=datetime.fromtimestamp(email.created_at, UTC),
                headers=self.own_fields.headers(email, link),
                attachments=self._attachments(email, content),
                envelope=envelope,
            )
        )
        return self.signer.signed(mail, email, sender.ascii_domain)

    def _with_what_the_call_brought(self, content: Content, email: Email) -> Content:
        images = self._images(email, content)
        if not images and content.calendar is email.calendar:
            return content
        return replace(content, calendar=email.calendar, inline_images=(*content.inline_images, *images))

    def _path_of(self, email: Email, sender: Address, reverse_path: str | None) -> str:
        if _is_from_nobody(email):
            return ""
        chosen = self.returning.reverse_path(email) if reverse_path is None else reverse_path
        return _senders_path(email, sender) if chosen is None else chosen

    def _own_message(self, email: Email, ref: MessageRef, envelope: Envelope) -> MailObject:
        """What the application has composed, with what it lacks; signed like others, unless it is already."""
        octets = completed(
            as_message(self._reader(ref.size)(ref.blob)),
            message_id=message_id_of(email, self.sender),
            date=datetime.fromtimestamp(email.created_at, UTC),
        )
        header = header_of(octets)
        mail = MailObject(envelope, octets, smtputf8=envelope.needs_smtputf8 or not header.isascii())
        return mail if is_signed(header) else self.signer.signed(mail, email, author_domain(header))

    def _images(self, email: Email, content: Content) -> list[InlineImage]:
        """Those that the call brought along for the html part. The same octets are one image."""
        shown = {ref.blob: ref for ref in email.attachments if _is_shown(ref, content)}
        return [
            InlineImage(content_id_of(blob), ref.filename, ref.content_type, self.blobs.get_blob(blob))
            for blob, ref in shown.items()
        ]

    def _attachments(self, email: Email, content: Content) -> list[Attachment | StoredAttachment]:
        files: list[Attachment | StoredAttachment] = [
            self._stored(ref) for ref in email.attachments if not _is_shown(ref, content)
        ]
        return files if email.calendar is None else [*files, invitation_file(email.calendar)]

    def _stored(self, ref: AttachmentRef) -> StoredAttachment:
        return StoredAttachment(ref.filename, ref.content_type, ref.blob, self._reader(ref.size))

    def _reader(self, size: int) -> Callable[[str], bytes | Source]:
        return self.blobs.open_blob if size > STREAMED else self.blobs.get_blob
