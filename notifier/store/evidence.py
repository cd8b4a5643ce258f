"""Evidence that reaches the ledger late.

`Evidence` is what a worker knows of its claim, mostly what a final reply said, for a ledger that was away when it was read. It holds
what the settlement would have said, and neither the message nor its context: it lies on a worker's disk. `Proofs` are for mails whose final reply nobody
has read, and of which somebody else knows.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import Any, NamedTuple, Protocol, Self

from notifier.errors import Fault
from notifier.model.email import Email
from notifier.model.outcome import RecipientState
from notifier.model.proof import Proof
from notifier.model.spent import Spent
from notifier.model.state import MailState


class Verdict(StrEnum):
    """What the ledger made of a piece of evidence. With all but `LATER` it has served its time."""

    SETTLED = "settled"  # the mail is now what the reply said
    KNOWN = "known"  # it was already, or it has ended otherwise by a person's hand
    PARTLY = "partly"  # who has accepted the mail is noted; others are still to be mailed
    OVERTAKEN = "overtaken"  # a later claim knows better
    GONE = "gone"  # no such mail: its retention is over, or somebody deleted it
    LATER = "later"  # another claim is at the dot with it; ask again when that is over


@dataclass(frozen=True, slots=True)
class Evidence:
    """One mail's. ``epoch`` is that of the ledger which gave the claim, ``owner`` the claim's, '' where that is not known. Times are seconds since the epoch of clocks."""

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
    owner: str = ""

    def to_dict(self) -> dict[str, Any]:
        """The JSON form, without the owner: workers of earlier releases read it too, and know no such field."""
        written = {**asdict(self), "fault": self.fault.to_dict() if self.fault else None}
        return {name: value for name, value in written.items() if name != "owner"}

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Self:
        """The inverse of `to_dict`, of an unknown owner. Raises `ValueError`, `TypeError` or `KeyError` for anything else."""
        return cls(
            **{
                **data,
                "state": MailState(data["state"]),
                "recipients": {path: RecipientState(state) for path, state in data["recipients"].items()},
                "spent": Spent(data["spent"]),
                "fault": Fault.from_dict(data["fault"]) if data["fault"] else None,
            }
        )


class Question(NamedTuple):
    """A mail that waits for proof; ``unknown`` are the forward-paths of whom nobody knows."""

    email: Email
    fence: int
    attempt: int
    unknown: tuple[str, ...]


class Proven(NamedTuple):
    """What the ledger made of a proof, and the mail's state now; None where there is no such mail."""

    verdict: Verdict
    state: MailState | None


class Proofs(Protocol):
    """The part of a `Store` that has to do with proof. Every method may raise `StoreUnavailable`."""

    def due(self, queue: str, every: float) -> bool:
        """True where mails of the queue wait for proof and nobody has asked for ``every`` seconds; who hears it asks."""

    def questions(self, queue: str, limit: int) -> list[Question]:
        """So many mails that wait for proof; where there are more, others each time."""

    def take(
        self, queue: str, mail_id: str, recipients: Mapping[str, Proof], why: str, *, fence: int | None = None
    ) -> Proven:
        """Take what is proven of unknown recipients; when that answers for all, the mail goes where it says.

        ``fence``: that of the question. None for what stays true whatever was sent since. Saying it twice is saying it once.
        """
