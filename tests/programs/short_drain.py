"""A worker whose soft shutdown is short: ``celery -A programs.short_drain worker``."""

from __future__ import annotations

from notifier.tasks.worker import create_worker_app

app = create_worker_app()
app.conf.update(worker_soft_shutdown_timeout=0.5)  # seconds
