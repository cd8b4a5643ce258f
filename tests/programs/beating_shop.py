"""A Django project's Celery app whose beat sweeps the outbox, as docs/how-to/django-outbox.md shows."""

from __future__ import annotations

import django

django.setup()

from notifier.integrations.django import sweeping_task  # noqa: E402, F401 - the task; after the setup
from notifier.tasks.worker import create_worker_app  # noqa: E402

app = create_worker_app()
app.conf.beat_schedule["sweep-the-outbox"] = {
    "task": "notifier.sweep_outbox",
    "schedule": 1.0,
    "options": {"expires": 10},
}
