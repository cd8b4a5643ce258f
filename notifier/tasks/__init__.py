"""Where the rooms meet Celery: the app, the tasks, the worker's boot steps. The only home of celery."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from celery import Celery

__all__ = ["register"]


def register(app: Celery) -> None:
    """Add Notifier's tasks to a Celery app that exists, and what its workers need to send mail.

    Before or after the app is configured and finalised; again is a no-op. Its settings stay as they are: workers
    started without ``-Q`` consume the mail queues too, and bells go through the app's broker. Raises `TypeError`, and
    `ConfigurationError` where another task has the name of one of ours; what else cannot work ends a worker's start.
    """
    from notifier.tasks.existing_apps import add_tasks  # noqa: PLC0415 - `from notifier import smtp` loads no celery

    add_tasks(app)
