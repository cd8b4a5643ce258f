"""A Django message becomes an accepted mail, or is refused with nothing stored."""

from __future__ import annotations

from dataclasses import dataclass

from django.core.mail import EmailMessage

from notifier.delivery.intake import Accepted, Intake, Options
from notifier.errors import InvalidAddress
from notifier.integrations.django.checking import check
from notifier.integrations.django.composing import octets_of
from notifier.integrations.django.plain import plain
from notifier.model.address import Address
from notifier.model.tenant import DEFAULT

USUAL_CLASS = "transactional"


@dataclass(frozen=True, slots=True)
class Posting:
    """What a backend says of all its mails."""

    mail_class: str = USUAL_CLASS
    tenant: str = DEFAULT
    queue: str | None = None


def accepted(message: EmailMessage, intake: Intake, posting: Posting) -> Accepted:
    """The envelope is Django's: ``from_email``, whatever the field From says, and everybody in to, cc and bcc.

    Raises an `InvalidMail`, and what Django raises.
    """
    check(message)
    mail = _taken_in(message, intake, posting)
    message.notifier_id = mail.email.id
    return mail


def _taken_in(message: EmailMessage, intake: Intake, posting: Posting) -> Accepted:
    options = Options(queue=posting.queue)
    if (own := plain(message)) is not None:
        return intake.accept_composed(own, mail_class=posting.mail_class, tenant=posting.tenant, options=options)
    # Before anything is composed: over some of them the standard library's parser stumbles.
    sender = _mailbox("from_email", message.from_email)
    recipients = [_mailbox("to, cc or bcc", recipient) for recipient in message.recipients()]
    return intake.accept_message(
        message=octets_of(message),
        from_addr=sender,
        to_addrs=recipients,
        mail_class=posting.mail_class,
        tenant=posting.tenant,
        options=options,
    )


def _mailbox(where: str, given: object) -> Address:
    try:
        return Address.parse(str(given))
    except InvalidAddress as error:
        raise InvalidAddress(f"{where}: {error}") from error
