"""Celery's settings that would endanger mail, found when a worker starts; all of them at once."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import astuple
from typing import Any

from notifier.errors import ConfigurationError
from notifier.settings import Settings

SAFE_CONTENT = frozenset({"json", "application/json", "auth", "application/data"})


def check_celery(conf: Any, settings: Settings) -> None:
    """Raises `ConfigurationError` with every problem of ``conf`` (Celery's) beside ``settings``."""
    problems = check_celery_problems(conf, settings)
    if problems:
        raise ConfigurationError(problems)


def check_celery_problems(conf: Any, settings: Settings) -> list[str]:
    """The same as sentences."""
    return [*_serializers(conf), *_times(conf, settings)]


def _serializers(conf: Any) -> Iterator[str]:
    unsafe = sorted(set(conf.accept_content) - SAFE_CONTENT)
    if unsafe:
        yield (
            f"accept_content in celeryconfig.py holds {', '.join(unsafe)}: whoever can publish would run code in the "
            "worker (CVE-2021-23727); leave json alone there"
        )
    if conf.task_serializer != "json":
        yield f"task_serializer in celeryconfig.py is {conf.task_serializer!r}; bells and payloads are json"


def _times(conf: Any, settings: Settings) -> Iterator[str]:
    soft, hard = conf.task_soft_time_limit, conf.task_time_limit
    attempt = attempt_budget(settings)
    for name, limit in (("task_soft_time_limit", soft), ("task_time_limit", hard)):
        if limit is not None and limit <= attempt:
            yield (
                f"{name} in celeryconfig.py is {limit:g} s, and one mail may take {attempt:g} s by its SMTP deadlines and "
                "the time slice: a patient wait for a final reply would be cut off, and the mail be unknown"
            )
    visibility = (conf.broker_transport_options or {}).get("visibility_timeout")
    if visibility is not None and visibility <= (hard or attempt):
        yield (
            f"visibility_timeout in celeryconfig.py is {visibility:g} s, not longer than a task may take "
            f"({hard or attempt:g} s): a message could be handed out while it is worked on"
        )


def attempt_budget(settings: Settings) -> float:
    """The longest that one mail may take, seconds: every deadline of its dialogue, and the slice before it."""
    dialogue: float = max(sum(astuple(endpoint.timeouts)) for endpoint in settings.endpoints)
    return dialogue + settings.time_slice
