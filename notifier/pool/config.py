"""The bounds of a pool."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class PoolConfig:
    """All bounds hold at once. ``max_age`` and ``max_idle`` are seconds; an age is spread by a tenth either way, so
    that sessions opened together do not end together.
    """

    size: int = 4  # alive, parked and lent together; relays count connections per client
    messages_per_connection: int = 100  # many relays end a connection after a hundred; what ends sooner is learned
    max_age: float = 300.0
    max_idle: float = 15.0  # relays drop idle sessions after 10 to 90 s
    connections: int | None = None  # from all replicas together; None: as many as the relay takes without complaint
    rate: float | None = None  # mails a second from all replicas together

    def __post_init__(self) -> None:
        if self.size < 1 or self.messages_per_connection < 1:
            raise ValueError("a pool has at least one session, and a session carries at least one mail")
        if (self.connections is not None and self.connections < 1) or (self.rate is not None and self.rate <= 0):
            raise ValueError("a relay takes at least one connection, and mails at a rate over 0")
        if self.max_age <= 0 or self.max_idle <= 0:
            raise ValueError("max_age and max_idle are seconds over 0")
