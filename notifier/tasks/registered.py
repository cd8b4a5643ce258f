"""Celery apps of other people's that have Notifier's tasks (`register`), and the one broker that they have in common."""

from __future__ import annotations

import weakref
from collections.abc import Iterable

from celery import Celery

from notifier.errors import ConfigurationError

_apps: list[weakref.ref[Celery]] = []


def remember(app: Celery) -> bool:
    """False where the app is known already."""
    if is_registered(app):
        return False
    _apps.append(weakref.ref(app))
    return True


def registered() -> list[Celery]:
    """Those that are still in use, in the order in which they came."""
    return [app for one in _apps if (app := one()) is not None]


def is_registered(app: Celery) -> bool:
    """True where `remember` has had it."""
    return any(one is app for one in registered())


def is_eager(*others: Celery) -> bool:
    """True where one of them, or of ``others``, runs its tasks at once (``task_always_eager``), as in tests."""
    # Each app once: to look into a configuration is Celery's dearest part of a call.
    return any(app.conf.task_always_eager for app in dict.fromkeys((*others, *registered())))


def raises_at_once(*others: Celery) -> bool:
    """True where one of them, or of ``others``, wants to hear what such a task raises (``task_eager_propagates``)."""
    return any(app.conf.task_eager_propagates for app in (*others, *registered()))


def common_broker() -> str | None:
    """The broker that bells go through; None where no app is registered, or where none has a broker.

    Raises `ConfigurationError` where two have different ones: the mails are in one store, and whoever rings for them
    cannot know whose worker is free.
    """
    apps = registered()
    if not apps:
        return None
    first, others = apps[0], apps[1:]
    url = broker_of(first)
    problems = [
        f"the Celery apps {first.main!r} and {other.main!r} are both registered, and have different brokers: bells go "
        "through one of them. Register the app whose workers send the mail, and enqueue from the other as before"
        for other in others
        if broker_of(other) != url
    ]
    if problems:
        raise ConfigurationError(problems)
    return url


def broker_of(app: Celery) -> str | None:
    """Where an app publishes, as its configuration has it; of several the first."""
    urls: str | Iterable[str] | None = app.conf.broker_write_url or app.conf.broker_url
    named = urls.split(";") if isinstance(urls, str) else list(urls or ())
    return named[0].strip() if named else None
