"""`Glances`: what was looked up on the disk, which a worker need not look up again for each of a thousand mails."""

from __future__ import annotations

import time
from collections.abc import Callable, Hashable
from typing import Any, TypeVar

T = TypeVar("T")


class Glances:
    """``every``: seconds for which what was seen counts; 0: it is looked at each time. Safe to share between threads."""

    def __init__(self, every: float = 0.0) -> None:
        self._every = every
        self._until = 0.0
        self._seen: dict[Hashable, Any] = {}

    def at(self, what: str, look: Callable[..., T], *about: Hashable) -> T:
        """What ``look`` finds, or found a moment ago. What it raises is not remembered."""
        if not self._every:
            return look(*about)
        now = time.monotonic()
        if now >= self._until:
            self._seen, self._until = {}, now + self._every
        seen, key = self._seen, (what, *about)
        if key not in seen:
            seen[key] = look(*about)
        found: T = seen[key]
        return found
