"""Step 1 of the journey: store the mails, then ring. The store is the truth and the broker is a bell."""

from __future__ import annotations

from collections.abc import Sequence

from notifier.delivery.intake import Accepted
from notifier.store.base import Added
from notifier.tasks.bells import gate, ring
from notifier.tasks.ringing import ringing
from notifier.tasks.runtime import runtime
from notifier.telemetry import tracing


def enqueue(mails: Sequence[Accepted]) -> tuple[Added, ...]:
    """Register mails that passed the intake, and ring the bells that their queues need.

    When this returns, the mails are stored as durably as the settings say. Raises `BrokerUnavailable` or
    `StoreUnavailable` with nothing stored, `IdempotencyConflict`.
    """
    with tracing.enqueueing([mail.email for mail in mails]) as emails:
        gate.ensure()
        store = runtime().store
        blobs = {name: data for mail in mails for name, data in mail.blobs.items()}
        if blobs:
            store.put_blobs(list(blobs.values()))
        queues = frozenset(email.queue for email in emails)
        result = store.add(emails, ringing.way(queues))
        ringing.learn(queues, result)
        for queue, bells in result.bells.items():
            ring(queue, bells)
    return result.added
