"""Mails that go out at the call, for an app that is eager (``task_always_eager``), as in tests."""

from __future__ import annotations

import traceback
from typing import Any, TypeAlias

from celery.result import EagerResult
from celery.states import FAILURE, SUCCESS

from notifier.delivery.inline import deliver_inline
from notifier.delivery.intake import Accepted
from notifier.tasks.runtime import inline_runtime

Sent: TypeAlias = "EagerResult[Any]"


def send_at_once(mail: Accepted, *, raises: bool) -> Sent:
    """The relay's final reply, as the result of a task that has run. What is wrong is in the result, where it ``raises`` not."""
    mail_id = mail.email.id
    try:
        return EagerResult(mail_id, reply_of_relay(mail), SUCCESS)
    except Exception as error:
        if raises:
            raise
        return EagerResult(mail_id, error, FAILURE, traceback=traceback.format_exc())


def reply_of_relay(mail: Accepted) -> str:
    """Hand the mail over now. Raises the delivery error."""
    mine = inline_runtime()
    return deliver_inline(mail, composer=mine.composer, router=mine.inline_router).reply or ""
