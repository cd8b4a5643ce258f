"""A worker whose main process has a pool of its own, and sends from it all the time: ``celery -A programs.main_sends worker``."""

from __future__ import annotations

import itertools
import time
from typing import Any

from celery import bootsteps

from notifier.model.envelope import Envelope, MailObject
from notifier.tasks.runtime import runtime
from notifier.tasks.worker import create_worker_app

EVERY = 0.05  # seconds

app = create_worker_app()
numbers = itertools.count(1)


class MainSends(bootsteps.StartStopStep):
    """Its sessions are parked or lent whenever a child is forked."""

    requires = ("celery.worker.components:Timer", "celery.worker.components:Pool")

    def start(self, worker: Any) -> None:
        worker.timer.call_repeatedly(EVERY, self.send)

    def send(self) -> None:
        words = f"Message-ID: <main-{next(numbers)}@example.com>\r\nSubject: x\r\n\r\nx\r\n"
        mail = MailObject(Envelope("us@example.com", ("main@example.com",)), words.encode())
        (pool,) = runtime().ways_out.pools
        with pool.session(time.monotonic() + 10) as session:
            (outcome,) = session.send_many([mail])
        assert not outcome.faults


app.steps["worker"].add(MainSends)
