"""States of a mail and the edges between them. An edge that is not in the table cannot happen."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum


class MailState(StrEnum):
    """Where a mail stands in the ledger."""

    WAITING = "waiting"  # due at a time: new, scheduled, deferred, limited, breaker open
    CLAIMED = "claimed"  # a worker has it; surely nothing was delivered yet
    AT_DOT = "at_dot"  # the final dot may be out
    UNKNOWN = "unknown"  # no readable final reply
    PARKED = "parked"  # a person decides
    SENT = "sent"
    CANCELLED = "cancelled"
    DISCARDED = "discarded"
    FAILED = "failed"  # dead letter: refused for good
    EXPIRED = "expired"  # dead letter: its deadline passed
    QUARANTINED = "quarantined"  # dead letter: it crashed its worker three times, or cannot be read


S = MailState

EDGES: Mapping[MailState, frozenset[MailState]] = {
    # Parked: the ledger was restored from an older state, and a mail that may go only once may have gone since.
    S.WAITING: frozenset({S.CLAIMED, S.WAITING, S.CANCELLED, S.EXPIRED, S.PARKED}),
    # Sent: some recipients have it from an earlier dot of this claim, and the turn of the others has come to nothing.
    S.CLAIMED: frozenset({S.AT_DOT, S.WAITING, S.SENT, S.FAILED, S.EXPIRED, S.QUARANTINED}),
    S.AT_DOT: frozenset({S.SENT, S.WAITING, S.FAILED, S.UNKNOWN, S.CLAIMED}),  # claimed: other recipients' turn
    S.UNKNOWN: frozenset({S.SENT, S.WAITING, S.PARKED}),
    S.PARKED: frozenset({S.SENT, S.WAITING, S.DISCARDED}),
    S.SENT: frozenset(),
    S.CANCELLED: frozenset(),
    S.DISCARDED: frozenset(),
    S.FAILED: frozenset({S.WAITING, S.DISCARDED}),
    S.EXPIRED: frozenset({S.WAITING, S.DISCARDED}),
    S.QUARANTINED: frozenset({S.WAITING, S.DISCARDED}),
}

# Edges that only evidence takes: a final reply that was read by its claim and reached the ledger late, for that was away;
# or what somebody else knows of a mail whose final reply nobody has read.
EVIDENCE: Mapping[MailState, frozenset[MailState]] = {
    S.WAITING: frozenset({S.SENT, S.FAILED}),  # about to be sent again, as the sweeper had to think it unknown
    S.UNKNOWN: frozenset({S.FAILED}),
    S.PARKED: frozenset({S.FAILED}),
    S.FAILED: frozenset({S.SENT}),  # by the resend
    S.EXPIRED: frozenset({S.SENT}),
    S.QUARANTINED: frozenset({S.SENT}),
}

DEAD = frozenset({S.FAILED, S.EXPIRED, S.QUARANTINED})
ENDED = frozenset({S.SENT, S.CANCELLED, S.DISCARDED}) | DEAD
