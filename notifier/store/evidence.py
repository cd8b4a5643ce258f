"""`Evidence`: what a final reply said, for a ledger that was away when it was read.

It holds what the settlement would have said, and neither the message nor its context: it lies on a worker's disk.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import Any, Self

from notifier.errors import Fault
from notifier.model.outcome import RecipientState
from notifier.model.spent import Spent
from notifier.model.state import MailState


class Verdict(StrEnum):
    """What the ledger made of a piece of evidence. With all but `LATER` it has served its time."""

    SETTLED = "settled"  # the mail is now what the reply said
    KNOWN = "known"  # it was already, or it has ended otherwise by a person's hand
    OVERTAKEN = "overtaken"  # a later claim knows better
    GONE = "gone"  # no such mail: its retention is over, or somebody deleted it
    LATER = "later"  # another claim is at the dot with it; ask again when that is over


@dataclass(frozen=True, slots=True)
class Evidence:
    """One mail's. ``epoch`` is that of the ledger which gave the claim. Times are seconds since the epoch of clocks."""

    mail_id: str
    queue: str
    fence: int
    epoch: str
    state: MailState
    recipients: Mapping[str, RecipientState]
    spent: Spent
    attempt: int
    created_at: float
    due_at: float
    fault: Fault | None = None
    reply: str | None = None
    relay: str | None = None

    def to_dict(self) -> dict[str, Any]:
        """The JSON form."""
        return {**asdict(self), "fault": self.fault.to_dict() if self.fault else None}

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Self:
        """The inverse of `to_dict`. Raises `ValueError`, `TypeError` or `KeyError` for anything else."""
        return cls(
            **{
                **data,
                "state": MailState(data["state"]),
                "recipients": {path: RecipientState(state) for path, state in data["recipients"].items()},
                "spent": Spent(data["spent"]),
                "fault": Fault.from_dict(data["fault"]) if data["fault"] else None,
            }
        )
