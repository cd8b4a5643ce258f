"""What a try costs a mail."""

from __future__ import annotations

from enum import StrEnum


class Spent(StrEnum):
    """The counter of the ledger that a try raises (docs/adr/0012-what-counts-as-an-attempt.md)."""

    ATTEMPT = "attempt"  # the answer was about the mail, or something of its message had been handed over
    SETBACK = "setbacks"  # its connection failed before that: the ladder climbs, and no attempt is spent
    NOTHING = ""  # no session, an open breaker, a parked session that had died: the mail had no part in it
