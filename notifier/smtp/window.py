"""`Window`: how many mails may be in flight on a connection of an endpoint; a loss shuts it, trust opens it again."""

from __future__ import annotations

from collections.abc import Iterable

from notifier.model.outcome import RecipientOutcome, RecipientState

_UNKNOWN = RecipientState.UNKNOWN  # to look a member of an enum up costs as much as a call
TRUST = 100  # mails that go well before the window grows by one step again


class Window:
    """Shared by the sessions of an endpoint, in threads too. ``limit``: the most; 1 is off (law 9).

    Without a lock: two threads at once may miscount the trust by a mail, and a lock that is held at a fork would stop the
    child for good.
    """

    def __init__(self, limit: int) -> None:
        if isinstance(limit, bool) or not isinstance(limit, int) or limit < 1:
            raise ValueError(f"a window is a whole number from 1, not {limit!r}")
        self.limit = limit
        self.size = limit
        self._well = 0

    def learn(self, recipients: Iterable[RecipientOutcome]) -> None:
        """A mail that was handed over has these outcomes."""
        for one in recipients:
            if one.state is _UNKNOWN:
                self.size, self._well = 1, 0
                return
        self.trust(1)

    def trust(self, mails: int) -> None:
        """So many mails that were handed over are accepted."""
        for _ in range(mails if self.size < self.limit else 0):
            self._went_well()

    def _went_well(self) -> None:
        self._well += 1
        if self._well >= TRUST:
            self.size, self._well = min(self.limit, self.size * 2), 0
