"""`Delivery`: one mail that is being handed over, and its verdicts so far."""

from __future__ import annotations

from dataclasses import dataclass, field

from notifier.model.envelope import MailObject
from notifier.model.outcome import RecipientOutcome
from notifier.protocol.reply import Reply


@dataclass(slots=True)
class Delivery:
    """One mail on its way, in one transaction or several, and what has become of it."""

    position: int
    mail: MailObject
    recipients: dict[str, RecipientOutcome] = field(default_factory=dict)
    reply: Reply | None = None
    terminator_sent: bool = False
