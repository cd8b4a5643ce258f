"""`Composition`: all that a message is made of. Both composers take it, so that neither can be told what the other is not."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import KW_ONLY, dataclass, field
from datetime import datetime

from notifier.model.address import Address
from notifier.model.content import Attachment, Content, StoredAttachment
from notifier.model.envelope import Envelope


@dataclass(frozen=True, slots=True)
class Composition:
    """Content, people and files. ``message_id`` and ``date`` are given, so that the octets repeat."""

    content: Content = field(repr=False)
    _: KW_ONLY
    sender: Address
    to: Sequence[Address]
    message_id: str
    date: datetime
    envelope: Envelope
    cc: Sequence[Address] = ()
    reply_to: Sequence[Address] = ()
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    attachments: Sequence[Attachment | StoredAttachment] = field(default=(), repr=False)
