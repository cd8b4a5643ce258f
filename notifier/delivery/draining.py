"""The worker was told to end: what is under way is finished, and what is not begun goes back to the store."""

from __future__ import annotations

from collections.abc import Callable

Draining = Callable[[], bool]


def never() -> bool:
    """For what is nobody's worker."""
    return False


class Drained(Exception):
    """Raised between two mails, never inside one."""
