"""The Celery app that apps enqueue through and workers run.

It is not made Celery's current app, so that an application's own Celery app stays what it was. Its configuration does
not ask for the settings: tools look at tasks (test runners, shells, documentation) where no broker is configured, and
a task that was looked at must work later. `point_at_broker` adds the broker when it is needed.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ParamSpec, TypeVar

from celery import Celery, Task

from notifier.errors import ConfigurationError
from notifier.settings import Settings
from notifier.tasks.rabbitmq import QUEUES, confirmed, is_rabbitmq, unconfirmed
from notifier.tasks.registered import broker_of, registered
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


@app.on_after_configure.connect
def _fall_back(source: Any, **_: Any) -> None:
    """What ``celeryconfig.py`` does not say. Celery's own ``add_defaults`` would stand before what it says."""
    for places in (source.maps, source.defaults):
        places.insert(len(places) - 1, PUBLISHER)  # the last are Celery's own


P = ParamSpec("P")
R = TypeVar("R")

# What other people's apps get too (`register`): each function and its options.
DEFINED: list[tuple[Callable[..., Any], dict[str, Any]]] = []

# How another app reaches its broker. Not its timeouts: a call fails within five seconds whatever they are.
_WAY_TO_BROKER = (
    "broker_read_url",
    "broker_write_url",
    "broker_use_ssl",
    "broker_login_method",
    "broker_failover_strategy",
    # RabbitMQ refuses a queue that is declared twice and differs.
    "task_create_missing_queue_type",
    "task_create_missing_queue_exchange_type",
    "task_queue_max_priority",
)


def our_task(**options: Any) -> Callable[[Callable[P, R]], Task[..., R]]:
    """Make a function one of our tasks: of our own app, and of every app that is registered later."""

    def made(fun: Callable[P, R]) -> Task[..., R]:
        DEFINED.append((fun, options))
        on_our_app: Task[..., R] = app.task(**options)(fun)
        return on_our_app

    return made


def point_at_broker() -> None:
    """Give the app the broker of the settings as they are now, or that of the app that is registered.

    Raises `ConfigurationError`.
    """
    url = settings().broker_url.reveal()
    wanted = {"broker_url": url, **_way_of_rabbitmq(url), **_way_of_registered()}
    if any(app.conf.get(name) != value for name, value in wanted.items()):
        app.conf.update(wanted)
        app._after_fork()  # type: ignore[attr-defined]  # Celery's own way to forget its connections


def _way_of_rabbitmq(url: str) -> dict[str, Any]:
    given = app.conf.broker_transport_options
    if not is_rabbitmq(url):
        # Other settings than a moment ago, as tests have them.
        return {"broker_transport_options": unconfirmed(given)} if given != unconfirmed(given) else {}
    return {**QUEUES, "broker_transport_options": confirmed(given, given.get("socket_connect_timeout", BROKER_TIMEOUT))}


def _way_of_registered() -> dict[str, Any]:
    first = next(iter(registered()), None)
    if first is None:
        return {}
    check_broker(first)
    way = {name: first.conf[name] for name in _WAY_TO_BROKER if name in first.conf}
    transport = {**first.conf.broker_transport_options, **PUBLISHER["broker_transport_options"]}
    if is_rabbitmq(str(broker_of(first))):
        transport = confirmed(transport, BROKER_TIMEOUT)
        # The worker's default queue is one that it makes as it is missing (`existing_apps`).
        way["task_create_missing_queue_type"] = first.conf.task_create_missing_queue_type
        way["task_default_queue_type"] = first.conf.task_create_missing_queue_type
    return {**way, "broker_url": first.conf.broker_url, "broker_transport_options": transport}


def check_broker(other: Celery) -> None:
    """Raises `ConfigurationError` where the settings name another broker than the app, or the app none."""
    named, theirs = settings().broker_url.reveal(), broker_of(other)
    if theirs is None:
        raise ConfigurationError([f"the Celery app {other.main!r} names no broker; set its broker_url"])
    if named != theirs:
        problem = (
            f"NOTIFIER_BROKER_URL names another broker than the Celery app {other.main!r}, whose workers send the mail: "
            "unset it, and name the store with NOTIFIER_STORE_URL if it is elsewhere"
        )
        raise ConfigurationError([problem])


def use_settings(chosen: Settings) -> None:
    """Point this process at other settings: the demo, tests, and programs that do not use the environment."""
    configure(chosen)
    point_at_broker()
