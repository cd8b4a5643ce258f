"""The outbox' sweep as a Celery task, for the workers of a Django project; beat or `notifier_outbox` calls it."""

from __future__ import annotations

from notifier.integrations.django.sweeping import sweep_all
from notifier.tasks.app import app


@app.task(name="notifier.sweep_outbox", acks_late=False, ignore_result=True, max_retries=0, shared=False)
def sweep_outbox() -> None:
    """Sweep every database that has an outbox. Lost or doubled, it harms nothing."""
    sweep_all()
