"""The outbox' sweep in a worker of a Django project: ``celery -A worker worker -I notifier.integrations.django.sweeping_task``.

With that the worker sweeps the outbox as often as its queues. Beat may call the task, too.
"""

from __future__ import annotations

from notifier.integrations.django.sweeping import sweep_all
from notifier.tasks.app import our_task
from notifier.tasks.sweeper import also_called


@our_task(name="notifier.sweep_outbox", acks_late=False, ignore_result=True, max_retries=0, shared=False)
def sweep_outbox() -> None:
    """Sweep every database that has an outbox. Lost or doubled, it harms nothing."""
    sweep_all()


also_called.append(sweep_outbox)
