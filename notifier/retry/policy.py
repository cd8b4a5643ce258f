"""`RetryPolicy`: an immutable value that answers how long to wait, and how often."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace

Ladder = tuple[float, ...]

# Seconds. The patience that relays ask for: a throttle lasts minutes, an outage hours; the last step repeats.
STANDARD: Ladder = (30.0, 60.0, 120.0, 300.0, 600.0, 1800.0, 3600.0, 7200.0)
GREYLISTING: Ladder = (300.0, 600.0, 1200.0, *STANDARD[5:])  # RFC 6647: the same triplet again after some minutes
MAILBOX_FULL: Ladder = (3600.0, 4 * 3600.0, 12 * 3600.0)


@dataclass(frozen=True, slots=True)
class RetryPolicy:
    """Wait by ``ladder`` (seconds; the last step repeats), from its step ``first``.

    ``jitter`` is the share of a step that is left to chance: 0.5 is equal jitter, half fixed and half random.
    ``max_attempts`` None: until the mail's deadline. ``fresh_first``: one immediate try on a fresh connection, not
    counted, before the ladder begins (F1). Raises `ValueError` for a ladder that cannot work.
    """

    ladder: Ladder = STANDARD
    first: int = 0
    jitter: float = 0.5
    max_attempts: int | None = None
    fresh_first: bool = False

    def __post_init__(self) -> None:
        if not self.ladder:
            raise ValueError("a retry ladder needs at least one step")
        if any(not math.isfinite(step) or step <= 0 for step in self.ladder):
            raise ValueError(f"each step of a retry ladder is a number of seconds over 0: {self.ladder}")
        if any(later < earlier for earlier, later in zip(self.ladder, self.ladder[1:], strict=False)):
            raise ValueError(f"a retry ladder does not get shorter: {self.ladder}")
        if not 0 <= self.jitter <= 1:
            raise ValueError(f"jitter is a share between 0 and 1, not {self.jitter}")
        if self.max_attempts is not None and self.max_attempts < 1:
            raise ValueError(f"max_attempts is 1 or more, not {self.max_attempts}")

    def delay(self, attempt: int, rng: Callable[[], float]) -> float:
        """Seconds to wait after the ``attempt``-th failed attempt (from 1); ``rng`` gives 0 to 1."""
        step = self.ladder[min(self.first + max(attempt, 1) - 1, len(self.ladder) - 1)]
        return step * (1 - self.jitter) + step * self.jitter * rng()

    def exhausted(self, attempt: int) -> bool:
        """True where no further attempt is allowed after ``attempt`` of them."""
        return self.max_attempts is not None and attempt >= self.max_attempts

    def scaled(self, factor: float) -> RetryPolicy:
        """Every wait multiplied: demos and tests do not have hours."""
        return replace(self, ladder=tuple(step * factor for step in self.ladder))
