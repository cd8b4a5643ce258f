"""`FileWatch`: whether files have changed since they were looked at last: rotated passwords, a new list of tenants."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from pathlib import Path

LOOK_EVERY = 5.0  # seconds
Mark = tuple[int, int, int]


class FileWatch:
    """``clock`` is monotonic seconds. The files are looked at once in `LOOK_EVERY` seconds, however often one asks."""

    def __init__(self, files: Iterable[Path], *, clock: Callable[[], float] = time.monotonic) -> None:
        self._files = tuple(files)
        self._clock = clock
        self._marks = self._look()

    def of(self, files: Iterable[Path]) -> FileWatch:
        """The watch of these files: this one, which remembers what it has seen, where they are the same."""
        others = tuple(files)
        return self if others == self._files else FileWatch(others, clock=self._clock)

    def changed(self) -> bool:
        """True once after each change."""
        if not self._files or self._clock() < self._look_at:
            return False
        before, self._marks = self._marks, self._look()
        return before != self._marks

    def _look(self) -> list[Mark | None]:
        self._look_at = self._clock() + LOOK_EVERY
        return [_mark(file) for file in self._files]


def _mark(file: Path) -> Mark | None:
    """What is other after a change, also where a link was moved to another file, as secret managers do it."""
    try:
        found = file.stat()
    except OSError:
        return None
    return found.st_mtime_ns, found.st_size, found.st_ino
