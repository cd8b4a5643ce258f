"""A worker whose main process waits for the next message in one long BRPOP: ``celery -A programs.waits_long worker``.

Who stops it while it waits has minutes, and not the rest of a second, to send the message that it is handed.
"""

from __future__ import annotations

from kombu.transport import redis as kombu_redis

from notifier.tasks.worker import create_worker_app

kombu_redis.Transport.brpop_timeout = 600  # seconds

app = create_worker_app()
