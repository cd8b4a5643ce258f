"""A worker with failpoints at every state edge: ``celery -A programs.failing worker``, run by `nemesis`."""

from __future__ import annotations

from nemesis.seams import install, way_for_each_domain

from worker import app

__all__ = ["app"]

app.conf.worker_soft_shutdown_timeout = 3  # Celery waits for all of it, in work or not; scaled like the other clocks
install()
way_for_each_domain()
