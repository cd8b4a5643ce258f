"""A real worker of an application's own Celery app, for its tests."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from notifier.testing.supervised import SupervisedProcess

UP_WITHIN = 60.0  # seconds
LOOK_EVERY = 0.05  # seconds


def start_worker(app: str, log: Path, options: Sequence[str] = ()) -> SupervisedProcess:
    """``celery -A app worker``, up when this returns; it imports what this process can. Raises `RuntimeError` with its words."""
    command = [sys.executable, "-m", "celery", "-A", app, "worker", "-c", "1", "-l", "INFO", *options]
    search = os.pathsep.join(path or str(Path.cwd()) for path in sys.path)
    with log.open("wb") as file:
        worker = SupervisedProcess(command, env={**os.environ, "PYTHONPATH": search}, output=file)
    ends = time.monotonic() + UP_WITHIN
    while b" ready." not in log.read_bytes():
        if not worker.running or time.monotonic() > ends:
            worker.kill()
            raise RuntimeError(f"the worker of {app} did not start:\n{log.read_text(errors='replace')}")
        time.sleep(LOOK_EVERY)
    return worker
