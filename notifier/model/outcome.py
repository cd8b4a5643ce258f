"""`Outcome`: what became of one mail object in one transaction, recipient by recipient."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from enum import StrEnum
from types import MappingProxyType
from typing import NamedTuple

from notifier.errors import Fault


class RecipientState(StrEnum):
    """Where one recipient of a mail stands (ledger and outcome use the same words)."""

    PENDING = "pending"
    ACCEPTED = "accepted"
    DEFERRED = "deferred"
    REFUSED = "refused"
    SUPPRESSED = "suppressed"
    UNKNOWN = "unknown"


class RecipientOutcome(NamedTuple):
    """One recipient's state after a transaction; ``fault`` says why where it is not accepted.

    ``reply`` is what the server said of this recipient alone: to its RCPT, and over LMTP in its final reply.
    """

    state: RecipientState
    fault: Fault | None = None
    reply: str | None = None


class Outcome(NamedTuple):
    """The result of handing one `MailObject` to a relay.

    ``position`` is the mail's place in the sequence given to ``send_many``. ``reply`` is the server's final reply
    (its queue id stands there); where there were several, the last that accepted somebody. ``terminator_sent`` is False where surely nothing was delivered. ``phase_seconds``
    holds the time spent waiting in each phase, in seconds. ``tls`` is version and cipher, ``server`` the name by which
    the server greeted. ``transcript``, where one is kept, holds no message and no secret.
    """

    position: int
    recipients: Mapping[str, RecipientOutcome]
    reply: str | None = None
    relay: str | None = None
    tls: str | None = None
    terminator_sent: bool = False
    phase_seconds: Mapping[str, float] = MappingProxyType({})
    server: str | None = None
    transcript: tuple[str, ...] = ()

    @classmethod
    def for_all(
        cls,
        position: int,
        forward_paths: Iterable[str],
        fault: Fault,
        *,
        terminator_sent: bool = False,
        relay: str | None = None,
    ) -> Outcome:
        """The same fault for every recipient."""
        verdict = RecipientOutcome(_STATE_OF_CLASS[fault.error_class], fault)
        recipients = dict.fromkeys(forward_paths, verdict)
        return cls(position, recipients, relay=relay, terminator_sent=terminator_sent)

    @property
    def faults(self) -> tuple[Fault, ...]:
        """Every fault among the recipients, in their order."""
        for recipient in self.recipients.values():
            if recipient.fault is not None:
                return tuple([r.fault for r in self.recipients.values() if r.fault is not None])
        return ()


_STATE_OF_CLASS = {
    "transient": RecipientState.DEFERRED,
    "misconfigured": RecipientState.DEFERRED,
    "permanent": RecipientState.REFUSED,
    "unknown": RecipientState.UNKNOWN,
}
