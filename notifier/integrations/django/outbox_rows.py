"""What a row of the outbox holds of a mail, and the mail back from it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from uuid import UUID

from django.conf import settings as django_settings
from django.utils import timezone

from notifier.delivery.intake import Accepted
from notifier.errors import InvalidMail
from notifier.integrations.django.models import OutboxMail
from notifier.model.email import Email, UnknownPayloadVersion
from notifier.model.mail_class import Delivery
from notifier.store import blob_name
from notifier.store.sealing import Seal
from notifier.tasks.runtime import runtime

PROMPT = timedelta(minutes=1)  # a hand-over within that is at the call


class UnreadableRow(ValueError):
    """The contents of a row are no mail; they stay as they are, for a person to see."""


class UnknownMailClass(ValueError):
    """The settings have no class of this name, or not yet."""


def row_of(accepted: Accepted, look_at: datetime) -> OutboxMail:
    """The mail's row, not yet written."""
    email = accepted.email
    payload = json.dumps(email.to_payload(), separators=(",", ":")).encode()  # ASCII: any database's text
    return OutboxMail(
        id=UUID(email.id),
        recipients="\n".join(address.forward_path for address in email.recipients),
        template=email.template,
        mail_class=email.mail_class,
        queue=email.queue,
        tenant=email.tenant,
        payload=_seal().seal(payload),
        expires_at=_expiry_of(email),
        look_at=look_at,
    )


def mail_of(row: OutboxMail, blobs: Mapping[str, bytes]) -> Accepted:
    """The mail as it was accepted, with the octets that were kept for it; one that comes late has the time that is left.

    Raises `BlobUnavailable` where no key opens it, `UnknownPayloadVersion`, `UnknownMailClass`, and `UnreadableRow`.
    """
    email = _email_of(_seal().open(bytes(row.payload)))
    if email.mail_class not in runtime().settings.classes:
        raise UnknownMailClass(f"its mail class {email.mail_class!r} is not in the settings (NOTIFIER_CLASSES)")
    if email.message is not None and email.message.blob not in blobs:
        raise UnreadableRow("its message is not in the database any more")
    if row.hand_overs or timezone.now() - row.created_at > PROMPT:
        # The ledger would count the class's deadline from this moment, and a code of yesterday would go out today.
        email = replace(email, expires_at=row.expires_at.timestamp())
    return Accepted(email.with_id(row.id_in_ledger), {name: _opened(name, kept) for name, kept in blobs.items()})


def _email_of(opened: bytes) -> Email:
    """Whatever somebody has written there by hand: one row keeps no others."""
    try:
        return Email.from_payload(json.loads(opened))
    except (UnknownPayloadVersion, InvalidMail):
        raise
    except (TypeError, KeyError, AttributeError, ValueError, RecursionError) as error:
        raise UnreadableRow(f"the payload is no mail ({type(error).__name__})") from error


def _opened(name: str, kept: bytes) -> bytes:
    """By its name and not by its beginning: an attachment may begin as it likes."""
    if blob_name(kept) == name:
        return kept
    opened = _seal().open(kept)
    if blob_name(opened) != name:
        raise UnreadableRow(f"the octets of {name} in the database are others")
    return opened


def sealed(octets: bytes) -> bytes:
    """What the database keeps of an attachment."""
    return _seal().seal(octets)


def may_go_again(row: OutboxMail) -> bool:
    """True where the class would rather send a mail twice than never."""
    known = runtime().settings.classes.get(row.mail_class)
    return known is not None and known.delivery is Delivery.AT_LEAST_ONCE


def remembered_for(row: OutboxMail) -> timedelta:
    """How long the ledger knows a mail of this class after its end."""
    chosen = runtime().settings
    known = chosen.classes.get(row.mail_class)
    return timedelta(seconds=chosen.retention if known is None or known.retention is None else known.retention)


def _expiry_of(email: Email) -> datetime:
    """When the ledger would give up: what the call said, or its class's deadline from when it is due."""
    patience = runtime().settings.classes[email.mail_class].deadline
    seconds = email.expires_at or max(email.created_at, email.send_at or 0.0) + patience
    return moment(seconds)


def moment(seconds: float) -> datetime:
    """Seconds since the epoch, as this project's database keeps times."""
    zone = timezone.get_default_timezone()
    aware = datetime.fromtimestamp(seconds, tz=zone)
    return aware if django_settings.USE_TZ else timezone.make_naive(aware, zone)


def _seal() -> Seal:
    return Seal(runtime().settings.encryption_keys)
