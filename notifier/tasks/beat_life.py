"""A beat in the registry of workers: whoever looks sees whether one runs, and whether two do."""

from __future__ import annotations

import atexit
import logging
import os
import socket
import threading
import uuid
from contextlib import suppress
from typing import Any

from celery.signals import beat_init

from notifier.errors import NotifierError
from notifier.model.worker import WorkerRecord
from notifier.tasks.app import app
from notifier.tasks.life import TTL_SWEEPS
from notifier.tasks.presence import BEAT, REDBEAT, STARTED_AT, VERSION
from notifier.tasks.registered import is_registered
from notifier.tasks.runtime import runtime

log = logging.getLogger(__name__)


@beat_init.connect
def register_beat(sender: Any, **_: Any) -> None:
    """On a thread, for a beat has no timer: it sleeps until its next entry is due."""
    if sender.app is not app and not is_registered(sender.app):
        return
    keep_registered(_record_of(sender))


def keep_registered(record: WorkerRecord) -> None:
    """Until this process ends."""
    atexit.register(_forget, record.id)
    threading.Thread(target=_say_it_lives, args=(record,), daemon=True).start()


def _record_of(service: Any) -> WorkerRecord:
    redbeat = "redbeat" in str(service.scheduler_cls).lower()
    return WorkerRecord(
        id=f"beat:{uuid.uuid4().hex}",
        name=f"beat@{socket.gethostname()}",
        host=socket.gethostname(),
        pid=os.getpid(),
        version=VERSION,
        started_at=STARTED_AT,
        concurrency=0,
        pool_kind=REDBEAT if redbeat else BEAT,
    )


def _say_it_lives(record: WorkerRecord) -> None:
    never = threading.Event()
    try:
        interval = runtime().settings.sweep_interval
    except NotifierError as error:
        log.warning("the beat is not in the registry of workers: %s", error)
        return
    while True:
        try:
            runtime().store.register_worker(record, interval * TTL_SWEEPS)
        except NotifierError as error:
            log.warning("beat not registered: %s", error)
        never.wait(interval)


def _forget(record_id: str) -> None:
    with suppress(NotifierError):
        runtime().store.forget_worker(record_id)
