"""Proof of what became of a mail whose final reply nobody has read: from a relay's log, a provider, a DSN (RFC 3464)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol


class Proof(StrEnum):
    """What somebody knows for sure. Whoever does not know says nothing."""

    DELIVERED = "delivered"  # the relay has taken it: it is not sent again
    REFUSED = "refused"  # it was refused for good, at once or by a bounce: it is not sent again
    NOT_DELIVERED = "not_delivered"  # surely no relay has taken it: it is sent again


@dataclass(frozen=True, slots=True)
class Inquiry:
    """A mail that is asked after. ``message_id`` with its angle brackets, as it stands in the header. ``envelope_id``: what
    the relay was given as ENVID (RFC 3461), where it offered DSN. ``recipients``: those of whom nobody knows.
    ``created_at``: seconds since the epoch.
    """

    mail_id: str
    message_id: str
    envelope_id: str
    recipients: tuple[str, ...]
    created_at: float


Answers = Mapping[str, Proof | Mapping[str, Proof]]


class EvidenceSource(Protocol):
    """Whoever can look it up. Asked again and again while a mail waits for proof."""

    def __call__(self, asked: Sequence[Inquiry], /) -> Answers:
        """Mail id to what is proven, for all recipients or (a mapping) for some; mails that it does not know of are left
        out. What it raises is logged, and others are asked.
        """
