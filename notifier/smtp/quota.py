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

    ``most``: mails for one connection; it is asked at each return to the pool, and so is an attribute. There is no lock:
    each observation is one assignment, and one that another thread's overwrites comes again.
    """

    def __init__(self, limit: int, clock: Callable[[], float] = time.monotonic) -> None:
        self.most = limit
        self._limit = limit
        self._clock = clock
        self._suspected: tuple[int, float] | None = None  # behind how many mails one ended, and when
        self._forget_at: float | None = None  # what two in a row have met with

    def begin(self) -> None:
        """A connection begins: the one that finds out, where what is known is old."""
        if self._forget_at is not None and self._clock() >= self._forget_at:
            self.most, self._forget_at = self._limit, None

    def ended(self, mails: int, opened_at: float) -> None:
        """The relay has ended a connection in use, behind so many mails; it was opened at that monotonic second."""
        now, suspected = self._clock(), self._suspected
        if suspected is None or suspected[0] != mails:
            self._suspected = mails, now
        elif suspected[1] <= opened_at:  # connections that were open together may have met the same mishap
            self.most, self._forget_at = min(mails, self._limit), now + KEPT

    def carried(self, mails: int) -> None:
        """A connection has carried so many: fewer are not the end, then."""
        suspected = self._suspected
        if suspected is not None and mails > suspected[0]:
            self._suspected = self._forget_at = None
            self.most = self._limit
