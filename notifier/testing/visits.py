"""Who came to a catching server: each connection, and how many there were at once. Who has said QUIT is gone."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from dataclasses import dataclass, field


@dataclass(slots=True)
class Visit:
    """One connection, numbered from 1. ``mails``: so many were accepted on it."""

    number: int
    mails: int = 0
    said_quit: bool = False
    over: bool = False
    _visits: Visits | None = field(default=None, repr=False)

    def end(self) -> None:
        """Its client has taken its leave, or gone without."""
        if self._visits is not None and not self.over:
            self._visits.ended(self)


class Visits:
    """All of them, in their order. Safe to share between threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._visits: list[Visit] = []
        self._now = self._most = 0

    @property
    def now(self) -> int:
        """Connections that are open."""
        return self._now

    @property
    def most(self) -> int:
        """The most that were open at once."""
        return self._most

    def begin(self) -> Visit:
        """Somebody has connected."""
        with self._lock:
            self._visits.append(Visit(len(self._visits) + 1, _visits=self))
            self._now += 1
            self._most = max(self._most, self._now)
            return self._visits[-1]

    def ended(self, visit: Visit) -> None:
        """See `Visit.end`."""
        with self._lock:
            visit.over = True
            self._now -= 1

    def __len__(self) -> int:
        return len(self._visits)

    def __iter__(self) -> Iterator[Visit]:
        with self._lock:
            return iter(list(self._visits))
