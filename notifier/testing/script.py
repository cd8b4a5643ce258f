"""`Script`: how a catching server behaves, recipient by recipient and phase by phase."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Self

from notifier.errors import Phase

Matcher = Callable[[str], bool]


class Action(StrEnum):
    """What else than a reply a server can do at a phase."""

    DROP = "drop"  # close the connection and say nothing
    LOSE_REPLY = "lose reply"  # accept the message, then close without the 250


@dataclass(slots=True)
class _Rule:
    matches: Matcher
    reply: str
    times: int | None  # for each recipient; None: always
    seen: dict[str, int] = field(default_factory=dict)

    def answer(self, recipient: str) -> str | None:
        if not self.matches(recipient):
            return None
        count = self.seen.get(recipient, 0)
        if self.times is not None and count >= self.times:
            return None
        self.seen[recipient] = count + 1
        return self.reply


@dataclass(slots=True)
class _Event:
    phase: Phase
    action: Action | str
    times: int | None
    delay: float


def _matcher(whom: str | Matcher) -> Matcher:
    return whom if callable(whom) else lambda recipient: recipient == whom


class Script:
    """Build it by chaining; it is safe to share between connections."""

    def __init__(self) -> None:
        self._rules: list[_Rule] = []
        self._events: list[_Event] = []
        self._lock = threading.Lock()

    def defer_first(
        self, whom: str | Matcher, times: int = 1, reply: str = "451 4.7.1 Greylisted, please come again"
    ) -> Self:
        """Defer each such recipient so many times, then accept it."""
        self._rules.append(_Rule(_matcher(whom), reply, times))
        return self

    def refuse(self, whom: str | Matcher, reply: str = "550 5.1.1 No such user here") -> Self:
        """Refuse such recipients always."""
        self._rules.append(_Rule(_matcher(whom), reply, None))
        return self

    def at(self, phase: Phase, action: Action | str, *, times: int | None = None, delay: float = 0.0) -> Self:
        """At ``phase`` do ``action``, or give that reply, after ``delay`` seconds; so many times, or always."""
        self._events.append(_Event(phase, action, times, delay))
        return self

    def for_recipient(self, recipient: str) -> str | None:
        """The reply other than 250 that a recipient gets now."""
        with self._lock:
            answers = (rule.answer(recipient) for rule in self._rules)
            return next((answer for answer in answers if answer is not None), None)

    def for_phase(self, phase: Phase) -> tuple[Action | str | None, float]:
        """What to do at a phase, and after how many seconds. An empty action with a delay only waits."""
        with self._lock:
            for event in self._events:
                if event.phase is phase and event.times != 0:
                    event.times = None if event.times is None else event.times - 1
                    return event.action or None, event.delay
        return None, 0.0
