"""`HealthFile`: what a probe reads, so that it need not import the application to know that the worker is well."""

from __future__ import annotations

import logging
import os
import time
from pathlib import Path

from notifier.model.health import Health

log = logging.getLogger(__name__)


class HealthFile:
    """``lasts``: seconds that a word holds. Without a path nothing is written."""

    def __init__(self, path: Path | None, lasts: float) -> None:
        self._path = path
        self._lasts = lasts

    def tell(self, hindrance: str) -> None:
        """The main process goes on; ``hindrance`` is why it is not ready, empty where it is."""
        if self._path is None:
            return
        draft = self._path.with_name(f"{self._path.name}.{os.getpid()}")
        try:
            now = time.time()
            draft.write_text(Health(os.getpid(), now + self._lasts, hindrance, now).to_text(), encoding="utf-8")
            draft.replace(self._path)  # a probe never sees half of it
        except OSError as error:
            log.warning("the health file was not written, and a probe will think that the worker is stuck: %s", error)

    def remove(self) -> None:
        """The worker has ended."""
        if self._path is not None:
            self._path.unlink(missing_ok=True)
