"""What each of Celery's options means for a mail: made true, harmless, or refused with what to use instead.

The table is the whole truth (a test compares it with Celery's own signatures, and docs/adr/0003 explains it).
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any

from notifier.delivery.intake import Options
from notifier.errors import UnsupportedOption

MADE_TRUE = {
    "countdown": "the mail is sent that many seconds from now",
    "eta": "the mail is sent at that time",
    "expires": "the mail is not sent after that time (or that many seconds from now)",
    "queue": "the mail's queue",
    "task_id": "the mail's id; a UUID",
}

# Celery's own machinery passes these, or they ask for what is so anyway.
HARMLESS = {
    "add_to_parent": "a mail is nobody's child",
    "connection": "the app's own connection rings the bell",
    "group_id": "a group of mails is many mails",
    "group_index": "a group of mails is many mails",
    "ignore_result": "there is no result backend; notifier.status(id) tells",
    "parent_id": "for tracing only",
    "producer": "the app's own producer rings the bell",
    "reply_to": "there is no result backend",
    "root_id": "for tracing only",
    "retries": "the ledger counts attempts",
    "replaced_task_nesting": "a mail is not replaced",
}

REFUSED = {
    "chain": "a mail settles long after the call; put the mail last in the chain, as .si(…)",
    "chord": "a mail settles long after the call; watch notifier.status(id) instead",
    "compression": "the mail does not travel through the broker",
    "delivery_mode": "the mail does not travel through the broker; the store is durable",
    "exchange": "use queue",
    "headers": "message headers of Celery do not reach a mail; give the mail's own as the argument headers={…}",
    "immediate": "use queue",
    "link": "a mail settles long after the call; watch notifier.status(id) instead",
    "link_error": "a mail settles long after the call; watch notifier.status(id) instead",
    "mandatory": "use queue",
    "priority": 'use queue="mail.urgent" or queue="mail.bulk"; the queues are served apart',
    "retry": "publishing is one bell, and the sweeper rings again if it is lost",
    "retry_policy": "publishing is one bell, and the sweeper rings again if it is lost",
    "routing_key": "use queue",
    "serializer": "mails are JSON",
    "shadow": "the bell's task serves many mails and has no name of one",
    "soft_time_limit": "deadlines of a mail belong to its mail_class, those of SMTP to NOTIFIER_SMTP_URL",
    "stamped_headers": "stamps of Celery do not reach a mail",
    "time_limit": "deadlines of a mail belong to its mail_class, those of SMTP to NOTIFIER_SMTP_URL",
}

# Refused to callers. To the mail at its end a chain or chord hands them down in the worker, when the steps before it have
# done their work: refused there, the mail would be lost, and a step that succeeded be called failed.
HANDED_DOWN = ("priority", "link_error", "stamped_headers")


def mail_options(given: Mapping[str, Any], clock: Callable[[], float] = time.time) -> Options:
    """The options of an ``apply_async`` as they stand for a mail.

    Options that are None or empty were not given. Raises `UnsupportedOption`.
    """
    if not given:
        return Options()
    asked = {name: value for name, value in given.items() if value is not None and value not in ([], {})}
    if _by_canvas(asked):
        for name in (*HANDED_DOWN, *asked.get("stamped_headers", ())):
            asked.pop(name, None)
    for name in asked.keys() - MADE_TRUE.keys() - HARMLESS.keys():
        reason = REFUSED.get(name, "Notifier does not know it")
        raise UnsupportedOption(f"Celery's option {name!r} does not apply to a mail: {reason}")
    return Options(
        mail_id=asked.get("task_id"),
        queue=_queue_name(asked.get("queue")),
        send_at=_send_at(asked, clock),
        expires_at=_moment("expires", asked["expires"], clock) if "expires" in asked else None,
    )


def _by_canvas(asked: Mapping[str, Any]) -> bool:
    """True where Celery's worker calls: after a step, or with the body of a chord. A member of a group has an index."""
    return "parent_id" in asked or ("group_id" in asked and "group_index" not in asked)


def _queue_name(queue: Any) -> str | None:
    name: str | None = getattr(queue, "name", queue)  # kombu's Queue has its name
    return name


def _send_at(asked: Mapping[str, Any], clock: Callable[[], float]) -> float | None:
    if "countdown" in asked and "eta" in asked:
        raise UnsupportedOption("countdown and eta both say when; give one of them")
    for name in ("countdown", "eta"):
        if name in asked:
            return _moment(name, asked[name], clock)
    return None


def _moment(name: str, value: Any, clock: Callable[[], float]) -> float:
    """Seconds since the epoch from a datetime, an ISO 8601 text (as Celery's messages have it) or seconds from now."""
    if isinstance(value, str):
        try:
            value = datetime.fromisoformat(value)
        except ValueError:
            raise UnsupportedOption(f"{name}={value!r} is no ISO 8601 time") from None
    if isinstance(value, datetime):
        return (value if value.tzinfo else value.replace(tzinfo=UTC)).timestamp()
    if isinstance(value, int | float) and not isinstance(value, bool) and abs(value) < 10 * 365 * 86400:
        return clock() + value
    raise UnsupportedOption(f"{name} is a datetime or a number of seconds within ten years, not {value!r}")
