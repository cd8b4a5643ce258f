"""A relay that exists in the pool's eyes alone: sessions, and a clock that the test moves."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field

from notifier.model.events import Event, Listener
from notifier.pool import PoolConfig, SessionPool, Slots
from notifier.smtp import Endpoint
from notifier.smtp.session import Ending

RELAY = Endpoint("relay.example", 25)


@dataclass(eq=False)
class FakeSession:
    """What the pool sees of a session. ``said`` is what it was told at its end."""

    number: int = 0
    usable: bool = True
    alive: bool = True
    transactions: int = 0
    spent: bool = False
    tls: str | None = None
    said: list[str] = field(default_factory=list)

    @property
    def connected(self) -> bool:
        return not self.said

    @property
    def ending(self) -> Ending | None:
        if not self.usable:
            return Ending.DOUBT
        return None if self.alive else Ending.PEER_CLOSED

    def takes_another(self, most: int) -> bool:
        return self.ending is None and self.transactions < most and not self.spent

    def is_alive(self) -> bool:
        return self.usable and self.alive

    def close(self, *, say_quit: bool = True) -> None:
        self.said.append("QUIT" if say_quit else "close")
        self.usable = False

    def abandon(self) -> None:
        if "abandon" not in self.said:
            self.said.append("abandon")
        self.usable = False


class Clock:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


class FakeRelay:
    """Opens sessions, remembers them all, and takes no more than ``most`` at once. Safe in threads."""

    session_type = FakeSession

    def __init__(self, most: int | None = None) -> None:
        self.sessions: list[FakeSession] = []
        self.error: Exception | None = None
        self.most = most
        self._lock = threading.Lock()

    def __call__(self, endpoint: Endpoint) -> FakeSession:
        assert endpoint is RELAY
        with self._lock:
            assert self.most is None or len(self.connected) < self.most, "more connections than places"
            if self.error is not None:
                raise self.error
            self.sessions.append(self.session_type(len(self.sessions)))
            return self.sessions[-1]

    @property
    def connected(self) -> list[FakeSession]:
        return [one for one in self.sessions if one.connected]


def pool_of(
    relay: FakeRelay,
    clock: Clock,
    listener: Listener,
    *,
    rng: Callable[[], float] = lambda: 0.5,
    slots: Slots | None = None,
    **bounds: float,
) -> SessionPool:
    return SessionPool(
        RELAY,
        PoolConfig(**bounds),  # type: ignore[arg-type]
        open_session=relay,  # type: ignore[arg-type]
        clock=clock,
        rng=rng,
        listener=listener,
        slots=slots,
        upkeep=False,
    )


def make(**bounds: float) -> tuple[SessionPool, FakeRelay, Clock, list[Event]]:
    relay, clock, events = FakeRelay(), Clock(), []
    return pool_of(relay, clock, events.append, **bounds), relay, clock, events


def soon(seconds: float = 5.0) -> float:
    return time.monotonic() + seconds
