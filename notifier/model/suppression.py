"""`Suppression`: an address that is not mailed, why, and until when."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Suppression:
    """``address`` is a forward-path in small letters. Times are seconds since the epoch; ``until`` None: for ever.

    ``mail_id`` is the mail that taught it, where one did.
    """

    address: str
    reason: str
    since: float
    until: float | None = None
    mail_id: str | None = None
