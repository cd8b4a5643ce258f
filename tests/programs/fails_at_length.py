"""A worker with a task whose failure is more than a pipe holds: ``celery -A programs.fails_at_length worker``."""

from __future__ import annotations

import os
import signal
import time
from pathlib import Path

from notifier.tasks.worker import create_worker_app

app = create_worker_app()

LENGTH = 1_000_000


@app.task(name="fails_at_length")
def fails_at_length() -> None:
    """Its words go to the main process, which is stopped first: it reads none of them before somebody lets it."""
    os.kill(os.getppid(), signal.SIGSTOP)
    raise RuntimeError("x" * LENGTH)


@app.task(name="meets_another")
def meets_another(place: str, name: str) -> None:
    """Keeps its child until another child has come, too."""
    Path(place, name).touch()
    while len(os.listdir(place)) < 2:  # noqa: PTH208 - a count is what is wanted
        time.sleep(0.02)
