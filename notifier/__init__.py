"""Notifier: a task-queue e-mail worker.

The names below are loaded when they are first used (PEP 562), so that `from notifier import smtp` loads neither
celery nor redis.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from notifier import smtp
    from notifier.errors import NotifierError
    from notifier.mime.priority import priority_headers
    from notifier.model.proof import Proof
    from notifier.tasks.attachments import store_attachment
    from notifier.tasks.bulk import asend_bulk, send_bulk
    from notifier.tasks.delivery_report import delivery_report
    from notifier.tasks.evidence import evidence_source
    from notifier.tasks.report import report, send_report
    from notifier.tasks.result import cancel, status
    from notifier.tasks.send import send_email, send_message
    from notifier.tasks.signals import (
        mail_accepted,
        mail_bounced,
        mail_complained,
        mail_deferred,
        mail_failed,
        mail_unknown,
    )
    from notifier.tasks.unsubscribe import unsubscribe_asgi, unsubscribe_wsgi

__all__ = [
    "NotifierError",
    "Proof",
    "asend_bulk",
    "cancel",
    "delivery_report",
    "evidence_source",
    "mail_accepted",
    "mail_bounced",
    "mail_complained",
    "mail_deferred",
    "mail_failed",
    "mail_unknown",
    "priority_headers",
    "report",
    "send_bulk",
    "send_email",
    "send_message",
    "send_report",
    "smtp",
    "status",
    "store_attachment",
    "unsubscribe_asgi",
    "unsubscribe_wsgi",
]

_HOME = {
    "NotifierError": "notifier.errors",
    "Proof": "notifier.model.proof",
    "asend_bulk": "notifier.tasks.bulk",
    "cancel": "notifier.tasks.result",
    "delivery_report": "notifier.tasks.delivery_report",
    "evidence_source": "notifier.tasks.evidence",
    **dict.fromkeys(
        ("mail_accepted", "mail_bounced", "mail_complained", "mail_deferred", "mail_failed", "mail_unknown"),
        "notifier.tasks.signals",
    ),
    "priority_headers": "notifier.mime.priority",
    "report": "notifier.tasks.report",
    "send_bulk": "notifier.tasks.bulk",
    "send_email": "notifier.tasks.send",
    "send_message": "notifier.tasks.send",
    "send_report": "notifier.tasks.report",
    "status": "notifier.tasks.result",
    "store_attachment": "notifier.tasks.attachments",
    **dict.fromkeys(("unsubscribe_asgi", "unsubscribe_wsgi"), "notifier.tasks.unsubscribe"),
}


def __getattr__(name: str) -> Any:
    if name == "smtp":
        return import_module("notifier.smtp")
    if name not in _HOME:
        raise AttributeError(f"module 'notifier' has no attribute {name!r}")
    return getattr(import_module(_HOME[name]), name)


def __dir__() -> list[str]:
    return sorted(__all__)
