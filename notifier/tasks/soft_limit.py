"""Celery's soft time limit raises wherever the task is; between a dot and its settlement it waits (rule r8)."""

from __future__ import annotations

import signal
import threading
from types import FrameType

from billiard.pool import soft_timeout_sighandler
from celery.exceptions import SoftTimeLimitExceeded


class SoftLimit:
    """A `notifier.delivery.shield.Shield` for a prefork child, whose main thread alone hears the signal."""

    def __init__(self) -> None:
        self._up = self.struck = False

    def watch(self) -> None:
        """Take the place of Celery's own handler, which is set after every hook that a child has."""
        in_main_thread = threading.current_thread() is threading.main_thread()
        if in_main_thread and signal.getsignal(signal.SIGUSR1) is soft_timeout_sighandler:
            signal.signal(signal.SIGUSR1, self._strike)

    def up(self) -> None:
        """See `Shield.up`."""
        self._up = True

    def down(self) -> None:
        """See `Shield.down`."""
        self._up = False
        if self.struck:
            self.struck = False
            raise SoftTimeLimitExceeded

    def drop(self) -> None:
        """See `Shield.drop`."""
        self._up = self.struck = False

    def _strike(self, number: int, frame: FrameType | None) -> None:
        del number, frame
        if not self._up:
            raise SoftTimeLimitExceeded
        self.struck = True


soft_limit = SoftLimit()
