"""Mail classes: the promise a sender chose, what an unknown outcome means, how long trying makes sense."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

HOUR = 3600.0
DAY = 24 * HOUR


class Delivery(StrEnum):
    """What to do with an unknown outcome (RFC 1047)."""

    AT_LEAST_ONCE = "at_least_once"  # resend once
    AT_MOST_ONCE = "at_most_once"  # park; a person decides
    EVIDENCE_FIRST = "evidence_first"  # look for proof for a while, then one of the two


class Durability(StrEnum):
    """When a step of the ledger counts as done."""

    FSYNC = "fsync"  # it is on the store's disk
    AOF = "aof"  # the store has it, and writes it when it likes
    MEMORY = "memory"  # the store has it


@dataclass(frozen=True, slots=True)
class MailClass:
    """Times are seconds. ``resend_after`` None means: after the takeover time; ``retention`` None: as long as any other
    mail that has ended can be asked for. With ``EVIDENCE_FIRST`` an unknown mail waits ``evidence_for`` for proof, and then
    goes the way of ``then``. ``durability`` None: the store's. ``list_unsubscribe``: its mails may be unsubscribed from, and
    say how (RFC 8058).

    Raises `ValueError` where that is no way.
    """

    name: str
    delivery: Delivery
    deadline: float
    queue: str
    resend_after: float | None = None
    retention: float | None = None
    evidence_for: float = HOUR
    then: Delivery = Delivery.AT_MOST_ONCE
    durability: Durability | None = None
    list_unsubscribe: bool = False

    def __post_init__(self) -> None:
        if self.then is Delivery.EVIDENCE_FIRST:
            raise ValueError(f"class {self.name!r} looks for evidence, and then is at_least_once or at_most_once")

    def mailing_list(self, tenant: str) -> str | None:
        """What a recipient unsubscribes from: this tenant's mails of this class; None where he cannot."""
        return f"{tenant}/{self.name}" if self.list_unsubscribe else None


SHIPPED_CLASSES: dict[str, MailClass] = {
    c.name: c
    for c in (
        MailClass("otp", Delivery.AT_LEAST_ONCE, 600.0, "mail.urgent", resend_after=60.0),
        MailClass("transactional", Delivery.AT_LEAST_ONCE, DAY, "mail"),
        MailClass("report", Delivery.AT_LEAST_ONCE, 4 * DAY, "mail"),
        MailClass("bulk", Delivery.AT_MOST_ONCE, 3 * DAY, "mail.bulk", list_unsubscribe=True),
    )
}
