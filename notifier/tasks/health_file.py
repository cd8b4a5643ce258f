"""`HealthFile`: what a probe reads, so that it need not import the application to know that the worker is well."""

from __future__ import annotations

import logging
import os
import threading
import time
from pathlib import Path

from notifier.model.health import Health

log = logging.getLogger(__name__)


class HealthFile:
    """``lasts``: seconds that a word holds. Without a path nothing is written. Safe to share between threads: a worker
    that is told to end says so on one, while the timer's may be in the middle of its word.
    """

    def __init__(self, path: Path | None, lasts: float) -> None:
        self._path = path
        self._lasts = lasts
        self._lock = threading.Lock()  # one draft is written at a time, and the last word is the one that stays

    def tell(self, hindrance: str) -> None:
        """The main process goes on; ``hindrance`` is why it is not ready, empty where it is."""
        try:
            with self._lock:
                self._write(hindrance)
        except OSError as error:
            log.warning("the health file was not written, and a probe will think that the worker is stuck: %s", error)

    def _write(self, hindrance: str) -> None:
        if self._path is None:
            return
        draft = self._path.with_name(f"{self._path.name}.{os.getpid()}")
        now = time.time()
        draft.write_text(Health(os.getpid(), now + self._lasts, hindrance, now).to_text(), encoding="utf-8")
        draft.replace(self._path)  # a probe never sees half of it

    def remove(self) -> None:
        """The worker has ended, and nothing that is told from now on is written."""
        with self._lock:
            path, self._path = self._path, None
            if path is not None:
                path.unlink(missing_ok=True)
