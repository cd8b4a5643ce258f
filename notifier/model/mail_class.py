"""Mail classes: the promise a sender chose, what an unknown outcome means, how long trying makes sense."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Delivery(StrEnum):
    """What to do with an unknown outcome (RFC 1047)."""

    AT_LEAST_ONCE = "at_least_once"  # resend once
    AT_MOST_ONCE = "at_most_once"  # park; a person decides


@dataclass(frozen=True, slots=True)
class MailClass:
    """Times are seconds. ``resend_after`` None means: after the takeover time; ``retention`` None: as long as any other
    mail that has ended can be asked for.
    """

    name: str
    delivery: Delivery
    deadline: float
    queue: str
    resend_after: float | None = None
    retention: float | None = None


HOUR = 3600.0
DAY = 24 * HOUR

SHIPPED_CLASSES: dict[str, MailClass] = {
    c.name: c
    for c in (
        MailClass("otp", Delivery.AT_LEAST_ONCE, 600.0, "mail.urgent", resend_after=60.0),
        MailClass("transactional", Delivery.AT_LEAST_ONCE, DAY, "mail"),
        MailClass("report", Delivery.AT_LEAST_ONCE, 4 * DAY, "mail"),
        MailClass("bulk", Delivery.AT_MOST_ONCE, 3 * DAY, "mail.bulk"),
    )
}
