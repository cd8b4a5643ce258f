"""`Quota`: how many mails a connection of an endpoint carries: as many as is set, and as the relay has shown to allow.

Many relays end a connection behind so many mails and do not say so beforehand (RFC 9422 has MAILMAX for it, which few
offer). Each mail that is under way then has to go again, and one that went out whole is unknown for ever. So what two
connections have met with, one after the other, the next ones stay within.
"""

from __future__ import annotations

import time
from collections.abc import Callable

KEPT = 3600.0  # seconds; then one connection finds out whether it is still so


class Quota:
    """Shared by the sessions of an endpoint, in threads too. ``limit``: the most. ``clock`` is monotonic seconds.

    There is no lock: each observation is one assignment, and one that another thread's overwrites comes again.
    """

    def __init__(self, limit: int, clock: Callable[[], float] = time.monotonic) -> None:
        self._limit = limit
        self._clock = clock
        self._suspected: tuple[int, float] | None = None  # behind how many mails one ended, and when
        self._learned: tuple[int, float] | None = None  # the same of two in a row, and until when that is kept

    @property
    def most(self) -> int:
        """Mails for one connection."""
        learned = self._learned
        return self._limit if learned is None or self._clock() >= learned[1] else min(learned[0], self._limit)

    def ended(self, mails: int, opened_at: float) -> None:
        """The relay has ended a connection in use, behind so many mails; it was opened at that monotonic second."""
        now, suspected = self._clock(), self._suspected
        if suspected is None or suspected[0] != mails:
            self._suspected = mails, now
        elif suspected[1] <= opened_at:  # connections that were open together may have met the same mishap
            self._learned = mails, now + KEPT

    def carried(self, mails: int) -> None:
        """A connection has carried so many: fewer are not the end, then."""
        suspected = self._suspected
        if suspected is not None and mails > suspected[0]:
            self._suspected = self._learned = None
