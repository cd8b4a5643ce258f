"""`BrokerSeen`: whether the broker answered when the sweeper asked it last. A connection that is half open looks like one that is not."""

from __future__ import annotations

import time
from collections.abc import Callable

JUST_NOW = 1.0  # seconds: one sweep asks for several queues, and a broker that is silent is waited for once


class BrokerSeen:
    """Of one process, and not shared between threads."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._missed_at: float | None = None

    def answered(self) -> None:
        """It is there."""
        self._missed_at = None

    def missed(self) -> None:
        """It did not answer in time, or there was no connection to it."""
        self._missed_at = self._clock()

    @property
    def away(self) -> bool:
        """True from a miss to the next answer."""
        return self._missed_at is not None

    @property
    def just_missed(self) -> bool:
        """True where asking again would be waiting again."""
        return self._missed_at is not None and self._clock() - self._missed_at < JUST_NOW


broker_seen = BrokerSeen()
