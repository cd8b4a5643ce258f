"""Each composer that is measured: from a `Mail` to octets."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from email import policy
from email.headerregistry import Address as Mailbox
from email.message import EmailMessage
from email.mime.application import MIMEApplication
from email.mime.image import MIMEImage
from email.mime.multipart import MIMEMultipart
from email.mime.text import MIMEText
from email.utils import format_datetime, formataddr

from benchmarks.compose.mails import CONTENT_ID, PDF, SENDER, Mail
from notifier.mime import Composition, Compositor, compose
from notifier.model.address import Address
from notifier.model.content import Content, InlineImage, StoredAttachment
from notifier.model.envelope import Envelope

DATE = datetime(2026, 11, 28, 12, 0, tzinfo=UTC)
Compose = Callable[[Mail], bytes]
_BLOB = hashlib.sha256(PDF).hexdigest()


def email_message(mail: Mail) -> bytes:
    """The standard library's modern way."""
    message = EmailMessage(policy=policy.SMTP)
    message["From"], message["To"] = _mailbox(*SENDER), _mailbox(*mail.to)
    message["Subject"], message["Date"], message["Message-ID"] = mail.subject, DATE, f"<{mail.message_id}>"
    message.set_content(mail.text)
    message.add_alternative(mail.html, subtype="html")
    if mail.image is not None:
        html = message.get_payload()[1]
        html.add_related(mail.image, "image", "png", cid=f"<{CONTENT_ID}>", filename="logo.png", disposition="inline")
    if mail.pdf is not None:
        message.add_attachment(mail.pdf, maintype="application", subtype="pdf", filename="invoice.pdf")
    return message.as_bytes()


def _mailbox(name: str, address: str) -> Mailbox:
    return Mailbox(name, addr_spec=address)


def mime_multipart(mail: Mail) -> bytes:
    """The standard library's older way."""
    message = MIMEMultipart("alternative")
    message.attach(MIMEText(mail.text, "plain", "utf-8"))
    html: MIMEMultipart | MIMEText = MIMEText(mail.html, "html", "utf-8")
    if mail.image is not None:
        html = _related(html, mail.image)
    message.attach(html)
    if mail.pdf is not None:
        body, message = message, MIMEMultipart("mixed")
        message.attach(body)
        pdf = MIMEApplication(mail.pdf, "pdf")
        pdf.add_header("Content-Disposition", "attachment", filename="invoice.pdf")
        message.attach(pdf)
    message["From"], message["To"], message["Subject"] = formataddr(SENDER), formataddr(mail.to), mail.subject
    message["Date"], message["Message-ID"] = format_datetime(DATE), f"<{mail.message_id}>"
    return message.as_bytes(policy=policy.compat32.clone(linesep="\r\n"))


def _related(html: MIMEText, data: bytes) -> MIMEMultipart:
    related = MIMEMultipart("related")
    related.attach(html)
    related.attach(_image(data))
    return related


def _image(data: bytes) -> MIMEImage:
    image = MIMEImage(data, "png")
    image.add_header("Content-ID", f"<{CONTENT_ID}>")
    image.add_header("Content-Disposition", "inline", filename="logo.png")
    return image


def django(mail: Mail) -> bytes:
    """Django's `EmailMultiAlternatives`, as its SMTP backend turns it into octets."""
    from django.conf import settings  # noqa: PLC0415 - only where it is measured

    if not settings.configured:
        settings.configure(USE_I18N=False)
    from django.core.mail import EmailMultiAlternatives  # noqa: PLC0415 - behind the settings

    headers = {"Date": format_datetime(DATE), "Message-ID": f"<{mail.message_id}>"}
    message = EmailMultiAlternatives(
        mail.subject, mail.text, formataddr(SENDER), [formataddr(mail.to)], headers=headers
    )
    message.attach_alternative(mail.html, "text/html")
    if mail.image is not None:
        message.mixed_subtype = "related"
        message.attach(_image(mail.image))
    if mail.pdf is not None:
        message.attach("invoice.pdf", mail.pdf, "application/pdf")
    return message.message().as_bytes(linesep="\r\n")


def _call(mail: Mail) -> dict[str, object]:
    images = (InlineImage(CONTENT_ID, "logo.png", "image/png", mail.image),) if mail.image is not None else ()
    files = [StoredAttachment("invoice.pdf", "application/pdf", _BLOB, lambda _: PDF)] if mail.pdf is not None else []
    return {
        "content": Content(mail.subject, mail.text, mail.html, images),
        "sender": _address(*SENDER),
        "to": [_address(*mail.to)],
        "message_id": f"<{mail.message_id}>",
        "date": DATE,
        "envelope": Envelope(SENDER[1], (mail.to[1],)),
        "attachments": files,
    }


def _address(name: str, address: str) -> Address:
    local_part, _, domain = address.partition("@")
    return Address(local_part, domain, name)


def plain(mail: Mail) -> bytes:
    """Our plain composer, which remembers nothing."""
    return compose(Composition(**_call(mail))).data  # type: ignore[arg-type]


_COMPOSITOR = Compositor()


def compiled(mail: Mail) -> bytes:
    """Ours as workers have it."""
    return _COMPOSITOR.compose(Composition(**_call(mail))).data  # type: ignore[arg-type]


COMPOSERS: Mapping[str, Compose] = {
    "`EmailMessage`": email_message,
    "`MIMEMultipart`": mime_multipart,
    "Django": django,
    "**Notifier**, plain": plain,
    "**Notifier**, compiled": compiled,
}
