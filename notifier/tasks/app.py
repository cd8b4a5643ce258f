"""The Celery app that apps enqueue through and workers run.

It is not made Celery's current app, so that an application's own Celery app stays what it was. Its configuration does
not ask for the settings: tools look at tasks (test runners, shells, documentation) where no broker is configured, and
a task that was looked at must work later. `point_at_broker` adds the broker when it is needed.
"""

from __future__ import annotations

from typing import Any

from celery import Celery

from notifier.settings import Settings
from notifier.tasks.runtime import configure, settings

BROKER_TIMEOUT = 2.0  # seconds; tried twice, so that a call which cannot reach the broker fails within five

# What a process that only enqueues needs. ``celeryconfig.py`` adds what a worker needs.
PUBLISHER: dict[str, Any] = {
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

app = Celery(
    "notifier",
    set_as_current=False,
    include=[
        "notifier.tasks.send",
        "notifier.tasks.bells",
        "notifier.tasks.collector",
        "notifier.tasks.evidence",
        "notifier.tasks.hooks",
        "notifier.tasks.report",
    ],
)
app.add_defaults(lambda: PUBLISHER)


def point_at_broker() -> None:
    """Give the app the broker of the settings as they are now. Raises `ConfigurationError`."""
    url = settings().broker_url.reveal()
    if app.conf.broker_url != url:
        app.conf.update(broker_url=url)
        app._after_fork()  # type: ignore[attr-defined]  # Celery's own way to forget its connections


def use_settings(chosen: Settings) -> None:
    """Point this process at other settings: the demo, tests, and programs that do not use the environment."""
    configure(chosen)
    point_at_broker()
