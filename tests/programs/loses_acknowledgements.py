"""A worker whose broker dies under the acknowledgement of a message: ``celery -A programs.loses_acknowledgements worker``."""

from __future__ import annotations

import os
import signal
from typing import Any

from kombu.transport import redis as kombu_redis

from notifier.tasks.worker import create_worker_app

app = create_worker_app()

TASK = "acknowledged.in.vain"


@app.task(name=TASK)
def nothing() -> None:
    """Some task of the application's; a bell is acknowledged without a word to the broker."""


acknowledge = kombu_redis.QoS.ack
BROKER = int(os.environ["BROKER_PID"])


def acknowledge_to_the_dead(self: kombu_redis.QoS, delivery_tag: str) -> Any:
    """The first of these, and then no more."""
    if self.get(delivery_tag).headers.get("task") != TASK:
        return acknowledge(self, delivery_tag)
    kombu_redis.QoS.ack = acknowledge
    os.kill(BROKER, signal.SIGKILL)
    return acknowledge(self, delivery_tag)


kombu_redis.QoS.ack = acknowledge_to_the_dead
