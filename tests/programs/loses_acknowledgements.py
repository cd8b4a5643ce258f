"""A worker whose broker dies under its first acknowledgement: ``celery -A programs.loses_acknowledgements worker``."""

from __future__ import annotations

import os
import signal
from typing import Any

from kombu.transport import redis as kombu_redis

from notifier.tasks.worker import create_worker_app

app = create_worker_app()

acknowledge = kombu_redis.QoS.ack
BROKER = int(os.environ["BROKER_PID"])


def acknowledge_to_the_dead(self: kombu_redis.QoS, delivery_tag: str) -> Any:
    """The first time, and then no more."""
    kombu_redis.QoS.ack = acknowledge
    os.kill(BROKER, signal.SIGKILL)
    return acknowledge(self, delivery_tag)


kombu_redis.QoS.ack = acknowledge_to_the_dead
