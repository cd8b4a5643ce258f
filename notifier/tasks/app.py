"""The Celery app that apps enqueue through and workers run.

It is not made Celery's current app, so that an application's own Celery app stays what it was.
"""

from __future__ import annotations

from typing import Any

from celery import Celery

from notifier.tasks.runtime import settings

BROKER_TIMEOUT = 4.0  # seconds; a call that cannot reach the broker fails within five


def publisher_defaults() -> dict[str, Any]:
    """What a process that only enqueues needs. ``celeryconfig.py`` adds what a worker needs."""
    return {
        "broker_url": settings().broker_url.reveal(),
        "broker_connection_timeout": BROKER_TIMEOUT,
        # Without these a half-open broker blocks `.delay()` for ever.
        "broker_transport_options": {
            "socket_timeout": BROKER_TIMEOUT,
            "socket_connect_timeout": BROKER_TIMEOUT,
            "socket_keepalive": True,
        },
        "task_serializer": "json",
        "accept_content": ["json"],
        "task_ignore_result": True,
        "task_default_queue": "mail",
        "task_publish_retry": False,
    }


app = Celery("notifier", set_as_current=False, include=["notifier.tasks.send", "notifier.tasks.bells"])
app.add_defaults(publisher_defaults)
