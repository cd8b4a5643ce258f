"""`python -m benchmarks.django_enqueue.client URL BLOCKS SIZE`: one process that enqueues by both backends in turn.

Blocks of mails of each way alternate, so that both meet the same machine. Prints JSON: microseconds of this process's time
(user and system) for each mail, block by block, and how many mails each way has in its broker or store.
"""

from __future__ import annotations

import base64
import json
import os
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import celery
import django
import redis
from django.conf import settings
from django.core.mail import get_connection

from benchmarks.django_enqueue.mails import KINDS
from notifier.tasks.runtime import runtime

OURS, THEIRS = "notifier", "django-celery-email"
BACKENDS = {OURS: "notifier.integrations.django.EmailBackend", THEIRS: "djcelery_email.backends.CeleryEmailBackend"}


def main() -> None:
    """Measure every kind, one by one and many at once."""
    url, blocks, size = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
    os.environ["NOTIFIER_BROKER_URL"] = url
    settings.configure(
        INSTALLED_APPS=["djcelery_email", "notifier.integrations.django"],
        DEFAULT_FROM_EMAIL="Shop <shop@example.com>",
        USE_TZ=True,
    )
    django.setup()
    app = celery.Celery("theirs", broker=url)
    app.conf.update(task_ignore_result=True, task_default_queue="theirs")
    app.set_current()
    found = dict(_measured(blocks, size))
    with redis.Redis.from_url(url) as server:
        stored = {OURS: _ours(), THEIRS: _theirs(server)}
    print(json.dumps({"figures": found, "stored": stored}))


def _ours() -> int:
    return sum(runtime().store.counts("mail").values())


def _theirs(server: Any) -> int:
    tasks = (json.loads(base64.b64decode(json.loads(one)["body"])) for one in server.lrange("theirs", 0, -1))
    return sum(len(task[0][0]) for task in tasks)


def _measured(blocks: int, size: int) -> Iterator[tuple[str, dict[str, list[float]]]]:
    def one_by_one(path: str, mails: Sequence[Any]) -> None:
        for mail in mails:
            mail.connection = get_connection(path)
            mail.send()

    def at_once(path: str, mails: Sequence[Any]) -> None:
        get_connection(path).send_messages(mails)

    ways: dict[str, Callable[[str, Sequence[Any]], None]] = {"send()": one_by_one, "send_messages": at_once}
    for kind, make in KINDS.items():
        for way, send in ways.items():
            figures: dict[str, list[float]] = {name: [] for name in BACKENDS}
            for block in range(blocks + 1):
                for name, path in BACKENDS.items():
                    mails = [make(block * size + n) for n in range(size)]
                    begun = time.process_time()
                    send(path, mails)
                    if block:  # the first opens connections, and compiles
                        figures[name].append((time.process_time() - begun) / size * 1e6)
            yield f"{kind}, {way}", figures


if __name__ == "__main__":
    main()
