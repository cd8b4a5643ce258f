"""`Behind`: mails of a batch go relay by relay, and those behind a relay that lets us wait are not kept from others.

A connection may take half a minute to fail, a reply a minute to be given up, and nobody can look for other work meanwhile: the
one who waits is blocked. So another thread gives back what has not been begun, for whoever has time.
"""

from __future__ import annotations

import logging
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress

from notifier.delivery.attempt import Attempt
from notifier.delivery.routing import Sessions
from notifier.errors import StoreError

log = logging.getLogger(__name__)


class Behind:
    """Iterate over it: each way is taken out when its turn comes. ``patience``: seconds without a sign of life.

    ``give_back`` hands attempts back to the ledger; where it raises `StoreError` they stay, and have their turn.
    """

    def __init__(
        self,
        ways: Sequence[tuple[Sessions, list[Attempt]]],
        give_back: Callable[[Sequence[Attempt]], None],
        patience: float,
    ) -> None:
        self._ways = deque(ways)
        self._give_back = give_back
        self._patience = patience
        self._heard_at = 0.0
        self._lock = threading.Lock()  # also while they are given back: nobody begins them meanwhile

    def __iter__(self) -> Iterator[tuple[Sessions, list[Attempt]]]:
        """Those whose turn it is."""
        while (way := self._next()) is not None:
            yield way

    def _next(self) -> tuple[Sessions, list[Attempt]] | None:
        with self._lock:
            return self._ways.popleft() if self._ways else None

    @contextmanager
    def waiting(self) -> Iterator[None]:
        """One way's turn. Where the relay lets it wait, those behind are given back."""
        if not self._ways:
            yield
            return
        self.goes_on()
        over = threading.Event()
        watch = threading.Thread(target=self._watch, args=(over,), name="mails behind", daemon=True)
        try:
            with suppress(RuntimeError):  # the system gives no more threads: they wait, as they have to
                watch.start()
            yield
        finally:
            over.set()  # where it gives them back just now, the next turn waits for that

    def goes_on(self) -> None:
        """The relay has given a session, or a mail's outcome."""
        self._heard_at = time.monotonic()

    def _watch(self, over: threading.Event) -> None:
        while (left := self._heard_at + self._patience - time.monotonic()) > 0:
            if over.wait(left):
                return
        self._give_back_those_left()

    def _give_back_those_left(self) -> None:
        with self._lock:
            left = [attempt for _, attempts in self._ways for attempt in attempts if attempt.untouched]
            if left:
                self._try_to_give_back(left)
            rest = [(way, [one for one in attempts if not one.over]) for way, attempts in self._ways]
            self._ways = deque((way, attempts) for way, attempts in rest if attempts)

    def _try_to_give_back(self, left: Sequence[Attempt]) -> None:
        try:
            self._give_back(left)
        except StoreError as error:
            log.debug("mails behind a relay that lets us wait are kept: %s", error)
