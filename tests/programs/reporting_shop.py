"""A shop's own Celery app that is registered, with clocks of its own; its beat looks every second."""

from __future__ import annotations

import os
from typing import Any

from celery import Celery
from celery.schedules import schedule
from celery.signals import beat_init

from notifier.tasks import register

app = Celery("shop", broker=os.environ["NOTIFIER_BROKER_URL"])
app.conf.timezone = "America/New_York"
app.conf.enable_utc = False
register(app)


@beat_init.connect
def look_every_second(sender: Any, **_: Any) -> None:
    """After `register` has added its entry."""
    sender.scheduler.schedule["send-due-reports"].schedule = schedule(1.0, app=app)
    sender.scheduler.max_interval = 1
