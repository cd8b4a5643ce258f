"""`Report`: what somebody says of a mail of ours, as values. Nothing in it is proven; whoever writes to the mailbox can write it."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Kind(StrEnum):
    """What a message is that came to the mailbox of bounces."""

    DELIVERY = "delivery"  # what became of recipients: RFC 3464, or the prose of older servers
    ABUSE = "abuse"  # a recipient says that it is spam (RFC 5965)
    OPT_OUT = "opt-out"  # a recipient wants no more of that list
    FEEDBACK = "feedback"  # other feedback, not-spam among it: nothing follows
    AUTO_REPLY = "auto-reply"  # a machine answers for a person (RFC 3834): nothing follows
    OTHER = "other"  # none of these


class Action(StrEnum):
    """What became of a recipient (RFC 3464 section 2.3.3)."""

    FAILED = "failed"
    DELAYED = "delayed"
    DELIVERED = "delivered"
    RELAYED = "relayed"
    EXPANDED = "expanded"


@dataclass(frozen=True, slots=True)
class Told:
    """What is said of one recipient. ``addresses`` are those that he is called by, as he was given to the server first, in small
    letters. ``status`` is RFC 3463's, empty where nobody says; ``words`` are a server's. ``final``: those of them that the status
    is about, where a server tells them from the one that it was given.
    """

    addresses: tuple[str, ...]
    action: Action
    status: str = ""
    words: str = ""
    final: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Report:
    """``tokens`` may be signed by us, ``mail_ids`` are not; ``digest`` is the same where the same report comes twice."""

    kind: Kind
    recipients: tuple[Told, ...]
    tokens: tuple[str, ...]
    mail_ids: tuple[str, ...]
    digest: str
