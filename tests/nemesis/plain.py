"""The baseline: what many do. A Celery task that sends with the standard module, late acknowledgement, broker on Redis."""

from __future__ import annotations

import os
import smtplib
from email.message import EmailMessage
from typing import Any

from celery import Celery

VISIBILITY = 10  # seconds; an hour by default, and nothing of a killed worker is tried again before

app = Celery("plain", broker=os.environ.get("PLAIN_BROKER", "memory://"))
app.conf.update(
    task_acks_late=True,
    task_reject_on_worker_lost=True,
    task_ignore_result=True,
    worker_prefetch_multiplier=1,
    worker_enable_remote_control=False,
    broker_connection_retry_on_startup=True,
    broker_transport_options={"visibility_timeout": VISIBILITY, "unacked_restore_throttle": 1},
)


@app.task(bind=True)
def send(self: Any, to: str) -> None:
    """One mail, one connection. The task's id is in the Message-ID, so that a second copy can be told."""
    message = EmailMessage()
    message["From"], message["To"], message["Subject"] = "us@example.com", to, "Welcome"
    message["Message-ID"] = f"<{self.request.id}@example.com>"
    message.set_content("Hello!\n")
    with smtplib.SMTP(os.environ["PLAIN_HOST"], int(os.environ["PLAIN_PORT"]), timeout=30) as relay:
        relay.send_message(message)
