"""Settings that are right each by itself, and wrong together."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from notifier.retry.policy import STANDARD
from notifier.settings.policies import SHIPPED, Policies


def check_together(values: Mapping[str, Any], problems: list[str]) -> None:
    """Adds what is wrong to ``problems``, and says nothing of a setting that is told there already."""
    told = " ".join(problems)
    broker = values["NOTIFIER_BROKER_URL"]
    if broker is None and "NOTIFIER_BROKER_URL" not in told:
        problems.append(
            "NOTIFIER_BROKER_URL is not set (nor CELERY_BROKER_URL or REDIS_URL): name the broker, for example "
            "redis://localhost:6379/0"
        )
    elif broker is not None and values["NOTIFIER_STORE_URL"] is None and "NOTIFIER_STORE_URL" not in told:
        problems.append(
            "NOTIFIER_STORE_URL is not set, and the broker is no Redis: name the Redis or Valkey that keeps the mails"
        )
    window, retention = values["NOTIFIER_IDEMPOTENCY_WINDOW"], values["NOTIFIER_RETENTION"]
    if window and retention and retention < window:
        problems.append("NOTIFIER_RETENTION is shorter than NOTIFIER_IDEMPOTENCY_WINDOW: a key could send twice")
    classes = (values["NOTIFIER_POLICIES"] or SHIPPED).classes.values()
    problems.extend(
        f"NOTIFIER_POLICIES keeps mails of class {one.name!r} for less than NOTIFIER_IDEMPOTENCY_WINDOW: a key could send twice"
        for one in classes
        if window and one.retention is not None and one.retention < window
    )
    problems.extend(
        f"NOTIFIER_DKIM_EXPIRES is not longer than mails of class {one.name!r} are tried ({one.deadline:g} s): they would arrive "
        "with signatures that are over"
        for one in classes
        if values["NOTIFIER_DKIM_EXPIRES"] and values["NOTIFIER_DKIM_EXPIRES"] <= one.deadline
    )
    _check_first_retry(values["NOTIFIER_RETRY_SCALE"], values["NOTIFIER_POLICIES"], problems)
    if (values["NOTIFIER_WEBHOOK_URL"] is None) != (
        values["NOTIFIER_WEBHOOK_SECRET"] is None
    ) and "_WEBHOOK_" not in told:
        problems.append("NOTIFIER_WEBHOOK_URL and NOTIFIER_WEBHOOK_SECRET go together: set both, or neither")
    if (
        bool(values["NOTIFIER_UNSUBSCRIBE_URL"]) != bool(values["NOTIFIER_UNSUBSCRIBE_KEYS"])
        and "_UNSUBSCRIBE_" not in told
    ):
        problems.append("NOTIFIER_UNSUBSCRIBE_URL and NOTIFIER_UNSUBSCRIBE_KEYS go together: set both, or neither")
    if values["NOTIFIER_BOUNCE_TO"] and not values["NOTIFIER_BOUNCE_KEYS"] and "_BOUNCE_" not in told:
        problems.append(
            "NOTIFIER_BOUNCE_TO needs NOTIFIER_BOUNCE_KEYS: without a signature anybody could forge a bounce"
        )
    lease, time_slice = values["NOTIFIER_LEASE"], values["NOTIFIER_TIME_SLICE"]
    if lease and time_slice and lease <= time_slice:
        problems.append("NOTIFIER_LEASE is not longer than NOTIFIER_TIME_SLICE: claims would end while they are served")


def _check_first_retry(scale: float | None, policies: Policies | None, problems: list[str]) -> None:
    classes = (policies or SHIPPED).classes
    shortest = min(classes.values(), key=lambda mail_class: mail_class.deadline)
    first = STANDARD[0] * (scale or 0.0)
    if first >= shortest.deadline:
        problems.append(
            f"NOTIFIER_RETRY_SCALE makes the first retry wait {first:g} s, and mails of class {shortest.name!r} expire "
            f"after {shortest.deadline:g} s"
        )
