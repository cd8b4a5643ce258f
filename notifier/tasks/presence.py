"""What a worker's main process says of itself in the store's registry."""

from __future__ import annotations

import os
import socket
import time
from typing import Any

from celery import concurrency
from celery.worker import state as worker_state

from notifier.model.release import release
from notifier.model.worker import WorkerRecord, WorkerState

BEAT, REDBEAT = "beat", "redbeat"  # where a beat is registered, in place of a pool's kind
# At the start: what is installed meanwhile is not what runs here.
VERSION = release()
STARTED_AT = time.time()


def record_of(worker: Any, worker_id: str, state: WorkerState) -> WorkerRecord:
    """The worker as it is now. ``worker`` is Celery's."""
    return WorkerRecord(
        id=worker_id,
        name=worker.hostname,
        host=socket.gethostname(),
        pid=os.getpid(),
        version=VERSION,
        started_at=STARTED_AT,
        state=state,
        queues=tuple(sorted(worker.app.amqp.queues.consume_from)),
        concurrency=worker.concurrency or 1,
        busy=len(worker_state.active_requests),
        pool_kind=pool_kind(worker.pool_cls),
    )


def pool_kind(pool_class: type) -> str:
    """As `celery worker --pool` calls it; another's by its class."""
    path = f"{pool_class.__module__}:{pool_class.__qualname__}"
    aliases: dict[str, str] = concurrency.ALIASES  # type: ignore[attr-defined]  # the stubs do not have it
    return next((name for name, known in aliases.items() if known == path), pool_class.__qualname__)
