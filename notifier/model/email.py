"""`Email`: what the caller asks for. Frozen and JSON, so that it survives in the store and between versions."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from notifier.model.address import Address
from notifier.model.content import Calendar
from notifier.model.tenant import DEFAULT

PAYLOAD_VERSION = 3
# What a mail may have since that version. One that has none of it is of version 1, which older workers read; one that
# has some waits for a newer worker, for nobody may send it without.
_SINCE_2 = ("calendar", "message")
_NOT_SAID = frozenset({"id", "created_at", "idempotency_key", "send_at", "expires_at"})
_canonical = json.JSONEncoder(sort_keys=True, ensure_ascii=False, separators=(",", ":")).encode


@dataclass(frozen=True, slots=True)
class AttachmentRef:
    """An attachment as the ledger knows it: its octets live in the blob store under ``blob`` (sha256, hex). ``inline``: an
    image that the html part shows, by `content_id_of` the blob.
    """

    filename: str
    content_type: str
    blob: str
    size: int
    inline: bool = False


@dataclass(frozen=True, slots=True)
class MessageRef:
    """A message that the application has composed itself: its octets live in the blob store. ``reverse_path`` is the
    envelope's, empty for the null sender; ``message_id`` its own, None where it has none.
    """

    blob: str
    size: int
    reverse_path: str
    message_id: str | None = None


@dataclass(frozen=True, slots=True)
class Email:
    """One mail of one call: one envelope, one id, one idempotency key. Times are seconds since the epoch.

    ``trace``: the call's span, as a W3C ``traceparent``, or nothing. It is no part of what the mail says, so it stands beside
    the payload in the record: workers of before there were traces read that, and send the mail all the same.
    """

    id: str
    template: str
    to: tuple[Address, ...]
    context: Mapping[str, Any] = field(repr=False)  # may hold reset links and codes
    idempotency_key: str
    created_at: float
    sender: Address | None = None  # None: the settings' default
    cc: tuple[Address, ...] = ()
    bcc: tuple[Address, ...] = ()
    reply_to: tuple[Address, ...] = ()
    headers: Mapping[str, str] = field(default_factory=dict)
    attachments: tuple[AttachmentRef, ...] = ()
    locale: str | None = None
    mail_class: str = "transactional"
    queue: str = "mail"
    send_at: float | None = None
    expires_at: float | None = None
    tenant: str = DEFAULT
    calendar: Calendar | None = None
    message: MessageRef | None = None  # instead of a template, which is empty then
    trace: str = ""

    @property
    def recipients(self) -> tuple[Address, ...]:
        """Everyone in To, Cc and Bcc, each forward-path once."""
        unique = {address.forward_path: address for address in (*self.to, *self.cc, *self.bcc)}
        return tuple(unique.values())

    def to_payload(self) -> dict[str, Any]:
        """The JSON form, with its version."""
        payload: dict[str, Any] = {
            "v": 1,
            "id": self.id,
            "template": self.template,
            "to": [str(a) for a in self.to],
            "cc": [str(a) for a in self.cc],
            "bcc": [str(a) for a in self.bcc],
            "reply_to": [str(a) for a in self.reply_to],
            "sender": str(self.sender) if self.sender else None,
            "context": dict(self.context),
            "headers": dict(self.headers),
            "attachments": [_row_of(ref) for ref in self.attachments],
            "locale": self.locale,
            "mail_class": self.mail_class,
            "queue": self.queue,
            "idempotency_key": self.idempotency_key,
            "created_at": self.created_at,
            "send_at": self.send_at,
            "expires_at": self.expires_at,
        }
        if self.tenant != DEFAULT:  # workers of before there were tenants read the others
            payload["tenant"] = self.tenant
        if self.calendar is not None:
            payload["calendar"] = [self.calendar.method, self.calendar.text]
        if self.message is not None:
            ref = self.message  # by name: `astuple` copies deeply, and takes as long as all the rest
            payload["message"] = [ref.blob, ref.size, ref.reverse_path, ref.message_id]
        if any(name in payload for name in _SINCE_2):
            payload["v"] = 2
        if any(ref.inline for ref in self.attachments):
            payload["v"] = 3
        return payload

    @classmethod
    def from_payload(cls, payload: Mapping[str, Any]) -> Email:
        """The inverse of `to_payload`. Raises `UnknownPayloadVersion` for a version that this code cannot read."""
        if payload.get("v") not in (1, 2, PAYLOAD_VERSION):
            raise UnknownPayloadVersion(payload.get("v"))
        fields = {key: value for key, value in payload.items() if key != "v"}
        for key in ("to", "cc", "bcc", "reply_to"):
            fields[key] = tuple(Address.parse(text) for text in fields[key])
        fields["sender"] = Address.parse(fields["sender"]) if fields["sender"] else None
        fields["attachments"] = tuple(AttachmentRef(*row) for row in fields["attachments"])
        if "calendar" in fields:
            fields["calendar"] = Calendar(*fields["calendar"])
        if "message" in fields:
            fields["message"] = MessageRef(*fields["message"])
        return cls(**fields)

    @property
    def body_hash(self) -> str:
        """sha256 (hex) over what the mail says and to whom: equal hash, same mail.

        Times are left out: the same call with ``countdown=60``, made again, asks for the same mail.
        """
        return body_hash_of(self.to_payload())

    def with_id(self, mail_id: str) -> Email:
        """The same mail under another id (the id that its idempotency key had reserved)."""
        return replace(self, id=mail_id)


def body_hash_of(payload: Mapping[str, Any]) -> str:
    """`Email.body_hash`, for whoever has the payload already."""
    said = {key: value for key, value in payload.items() if key not in _NOT_SAID}
    return hashlib.sha256(_canonical(said).encode("utf-8", "surrogatepass")).hexdigest()


def _row_of(ref: AttachmentRef) -> list[str | int | bool]:
    """Older workers read the rows of ordinary attachments."""
    return [ref.filename, ref.content_type, ref.blob, ref.size, *([True] if ref.inline else [])]


class UnknownPayloadVersion(ValueError):
    """The record was written by a newer Notifier; it is kept, not dropped."""

    def __init__(self, version: object) -> None:
        self.version = version
        super().__init__(version)

    def __str__(self) -> str:
        return f"mail payload version {self.version!r} is not known here (this worker reads up to {PAYLOAD_VERSION})"
