"""`Pooled`: a session with what the pool knows of it, and when its time is over. Pure judgement; the pool acts on it."""

from __future__ import annotations

from dataclasses import dataclass

from notifier.pool.config import PoolConfig
from notifier.smtp import Session


@dataclass(slots=True, eq=False)
class Pooled:
    """A session, parked or lent. Times are of the pool's clock; ``pid`` is the process that opened it."""

    session: Session
    expires: float
    pid: int
    number: int = 0  # in the pool, from 1: how events call it
    token: str | None = None  # of its place among the connections of all replicas
    lent: bool = False
    until: float = 0.0  # when its time in the pool is over, if nobody takes it

    def why_not_again(self, config: PoolConfig, now: float) -> str | None:
        """On its return: the reason to retire it, or None where it may be parked, ``until`` its time is over."""
        if not self.session.takes_another(config.messages_per_connection):
            ending = self.session.ending
            return ending.value if ending is not None else "uses"
        if now >= self.expires:
            return "age"
        rested = now + config.max_idle
        self.until = min(self.expires, rested)
        return None

    def why_no_longer(self, now: float) -> str | None:
        """While it is parked: the reason to retire it, or None."""
        if now < self.until:
            return None
        return "age" if now >= self.expires else "idle"
