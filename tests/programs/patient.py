"""A worker that waits for its turn to connect for longer than any test: ``celery -A programs.patient worker``.

So whoever lets go of it has not done so because the time was over.
"""

from __future__ import annotations

from notifier.pool import slots
from notifier.store import limits
from notifier.tasks.worker import create_worker_app

FOR_EVER = 3600.0  # seconds
for name in ("PATIENCE", "PATIENCE_IN_DOUBT"):
    vars(limits)[name] = FOR_EVER
vars(slots)["PATIENCE"] = FOR_EVER

app = create_worker_app()
