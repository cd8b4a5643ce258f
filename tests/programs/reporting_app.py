"""A worker and a beat that looks every second."""

from __future__ import annotations

import os

from worker import app

__all__ = ["app"]

app.conf.beat_schedule["send-due-reports"]["schedule"] = 1.0
app.conf.beat_max_loop_interval = 1
app.conf.redbeat_redis_url = os.environ["NOTIFIER_BROKER_URL"]
app.conf.redbeat_lock_timeout = 4
