"""Where a peer's broker and relay are. No setting of theirs but these."""

from __future__ import annotations

import os

from celery import Celery

BROKER, PORT, HOST = "BENCHMARK_BROKER", "BENCHMARK_PORT", "127.0.0.1"


def port() -> int:
    """The sink's."""
    return int(os.environ[PORT])


def celery_app(name: str) -> Celery:
    """Celery as it comes; nobody asks for results."""
    app = Celery(name, broker=os.environ[BROKER])
    app.conf.update(task_ignore_result=True, broker_connection_retry_on_startup=True)
    return app
