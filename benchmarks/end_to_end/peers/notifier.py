"""Notifier. Its worker is the repository's own, `celery -A worker worker`."""

from __future__ import annotations

import os
from collections.abc import Iterable

from benchmarks.end_to_end.mails import COPIES, SENDER, TEMPLATE, calls, context, copy_of, recipient
from notifier import send_bulk, send_email


def enqueue(numbers: Iterable[int]) -> None:
    """One by one."""
    for number in numbers:
        send_email.delay(template=TEMPLATE, to=recipient(number), sender=SENDER, context=context(number))


def enqueue_many(numbers: Iterable[int]) -> None:
    """One call for all; the ids come back."""
    rows = send_bulk(template=TEMPLATE, recipients=calls(list(numbers)), sender=SENDER)
    if not all(row.result and row.result.id for row in rows):
        raise RuntimeError("a mail has no id")


def enqueue_copies(numbers: Iterable[int]) -> None:
    """The same with copies of the template in turn."""
    copies = int(os.environ[COPIES])
    recipients = [
        {**call, "template": copy_of(number % copies)}
        for number, call in zip(numbers, calls(list(numbers)), strict=True)
    ]
    send_bulk(template=TEMPLATE, recipients=recipients, sender=SENDER)
