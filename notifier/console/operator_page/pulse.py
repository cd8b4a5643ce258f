"""`Pulse`: what goes through, minute by minute, as long as the console runs: the store counts, and keeps no minutes."""

from __future__ import annotations

import logging
import threading
import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

from notifier.errors import NotifierError
from notifier.model.state import MailState
from notifier.tasks.figures import all_counts

log = logging.getLogger(__name__)

EVERY = 10.0  # seconds between two looks
MINUTE = 60.0
KEPT = 60  # minutes

Counts = Callable[[], Sequence[Mapping[MailState, int]]]

_PRESENT = (MailState.WAITING, MailState.CLAIMED, MailState.AT_DOT)


@dataclass(frozen=True, slots=True)
class Beat:
    """The counts of all queues together at a time, seconds since the epoch."""

    at: float
    sent: int
    present: int


@dataclass(frozen=True, slots=True)
class Minute:
    """What came to an end in it; ``present`` at its end: waiting and in work."""

    at: float
    sent: int
    present: int


class Pulse:
    """Looks in a thread of its own between `start` and `stop`, and whenever a page asks. ``counts``: of each queue, by state."""

    def __init__(self, counts: Counts = all_counts, clock: Callable[[], float] = time.time) -> None:
        self._counts = counts
        self._clock = clock
        self._beats: deque[Beat] = deque(maxlen=int(KEPT * MINUTE / EVERY))
        self._lock = threading.Lock()
        self._ended = threading.Event()
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        """Look from now on."""
        self._thread = threading.Thread(target=self._run, name="console pulse", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Look no more."""
        self._ended.set()
        if self._thread is not None:
            self._thread.join()

    def look(self) -> None:
        """Count once. Raises `StoreUnavailable`."""
        counts = self._counts()
        sent = sum(one[MailState.SENT] for one in counts)
        present = sum(one[state] for one in counts for state in _PRESENT)
        with self._lock:
            self._beats.append(Beat(self._clock(), sent, present))

    def minutes(self) -> list[Minute]:
        """The minutes that were seen, oldest first."""
        with self._lock:
            beats = list(self._beats)
        last = {beat.at // MINUTE: beat for beat in beats}  # of each minute
        ends = [beats[0], *last.values()] if beats else []
        return [
            Minute(after.at // MINUTE * MINUTE, max(0, after.sent - before.sent), after.present)
            for before, after in pairwise(ends)
        ]

    def _run(self) -> None:
        while True:
            try:
                self.look()
            except NotifierError as error:
                log.debug("not counted: %s", error)
            if self._ended.wait(EVERY):
                return
