"""A worker whose pool has lost every slot, as a broken connection leaves it: ``celery -A programs.loses_slots worker``."""

from __future__ import annotations

from typing import Any

from celery import bootsteps

from notifier.tasks.worker import create_worker_app

app = create_worker_app()


class LosesSlots(bootsteps.StartStopStep):
    """What billiard leaves where it has forgotten a job of each child."""

    requires = ("celery.worker.components:Pool",)

    def start(self, worker: Any) -> None:
        worker.semaphore.value = 0


app.steps["worker"].add(LosesSlots)
