"""`Script`: how a catching server behaves, recipient by recipient and phase by phase."""

from __future__ import annotations

import re
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Self

from notifier.errors import Phase

Matcher = Callable[[str], bool]
_REPLY = re.compile(r"[2-5][0-9]{2}(?:[ -].*)?\Z", re.DOTALL)
# Where a server can do something else than what it always does.
PHASES = frozenset(Phase) - {Phase.DNS, Phase.CONNECT}


class Action(StrEnum):
    """What else than a reply a server can do at a phase."""

    DROP = "drop"  # close the connection and say nothing
    RESET = "reset"  # the same, with a RST
    STALL = "stall"  # keep the connection open and never answer
    LOSE_REPLY = "lose reply"  # at FINAL_REPLY: accept the message, then close without the 250


@dataclass(frozen=True, slots=True)
class Step:
    """What to do at a phase: nothing unusual (None), an action, or a reply; ``delay`` seconds after it is ``released``."""

    action: Action | str | None = None
    delay: float = 0.0
    released: threading.Event | None = None


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
    step: Step
    times: int | None


class Script:
    """Build it by chaining; where two entries fit, the first counts. It is safe to share between connections."""

    def __init__(self) -> None:
        self._rules: list[_Rule] = []
        self._events: list[_Event] = []
        self._lock = threading.Lock()

    def defer_first(
        self, whom: str | Matcher, times: int = 1, reply: str = "451 4.7.1 Greylisted, please come again"
    ) -> Self:
        """Defer each such recipient so many times, then accept it. Raises `ValueError` for what is no reply."""
        self._rules.append(_Rule(_matcher(whom), _checked(reply), times))
        return self

    def refuse(self, whom: str | Matcher, reply: str = "550 5.1.1 No such user here") -> Self:
        """Refuse such recipients always. Raises `ValueError` for what is no reply."""
        self._rules.append(_Rule(_matcher(whom), _checked(reply), None))
        return self

    def at(self, phase: Phase, action: Action | str, *, times: int | None = None, delay: float = 0.0) -> Self:
        """At ``phase`` do ``action``, or give that reply, after ``delay`` seconds; so many times, or always.

        A positive reply takes the place of the usual words; any other takes the place of the effect too, and 421
        closes. At BODY the reply is given when the first octets have come. An empty action only waits. Raises
        `ValueError` for what is no reply, and for DNS and CONNECT, where a server has no say.
        """
        done = action if isinstance(action, Action) else _checked(action) if action else None
        return self._do(phase, Step(done, delay), times)

    def delay(self, phase: Phase, seconds: float, *, times: int | None = None) -> Self:
        """Answer ``phase`` late. A message whose final reply is late has been accepted before the wait."""
        return self.at(phase, "", times=times, delay=seconds)

    def hold(self, phase: Phase, released: threading.Event, *, times: int | None = None) -> Self:
        """Answer ``phase`` when ``released`` is set. A message whose final reply is held has been accepted already.

        With it a test says in which moment the relay answers, and no clock does. Raises `ValueError` for DNS and CONNECT.
        """
        return self._do(phase, Step(released=released), times)

    def _do(self, phase: Phase, step: Step, times: int | None) -> Self:
        if phase not in PHASES:
            raise ValueError(f"a server has no say at {phase}")
        self._events.append(_Event(phase, step, times))
        return self

    def for_recipient(self, recipient: str) -> str | None:
        """The reply other than 250 that a recipient gets now."""
        with self._lock:
            answers = (rule.answer(recipient) for rule in self._rules)
            return next((answer for answer in answers if answer is not None), None)

    def for_phase(self, phase: Phase) -> Step:
        """What to do at a phase now."""
        with self._lock:
            for event in self._events:
                if event.phase is phase and event.times != 0:
                    event.times = None if event.times is None else event.times - 1
                    return event.step
        return Step()


def _matcher(whom: str | Matcher) -> Matcher:
    return whom if callable(whom) else lambda recipient: recipient == whom


def _checked(reply: str) -> str:
    if not _REPLY.match(reply):
        raise ValueError(f"a reply begins with its code, 200 to 599, and {reply!r} does not")
    return reply
