"""A worker's memory, with mails that are due tomorrow in its store: `celery -A worker worker`, as everybody starts it."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

import redis

from benchmarks.delivery.mails import PREFIX, QUEUE, mails
from benchmarks.delivery.stories import Figures
from benchmarks.smtp.peers import TOP
from notifier.model.state import MailState
from notifier.store import RedisStore
from notifier.testing.supervised import SupervisedProcess

DUE_NOW = 200  # mails that the worker has delivered when its memory is looked at
SWEEPS = 3  # that it has made, too
DAY = 24 * 3600.0
PATIENCE = 240.0  # seconds
# The server itself makes so many mails out of one: a million by way of the client take minutes.
COPIES = """
local fields, due = redis.call('HGETALL', KEYS[1] .. 'mail:' .. ARGV[1]), redis.call('ZSCORE', KEYS[1] .. 'due', ARGV[1])
for number = ARGV[2], ARGV[3] do
  local id = string.sub(ARGV[1], 1, 24) .. string.format('%012d', number)
  redis.call('HSET', KEYS[1] .. 'mail:' .. id, unpack(fields))
  redis.call('ZADD', KEYS[1] .. 'due', due, id)
end
"""
AT_ONCE = 2000


def worker(url: str, port: int, count: int, numbers: Sequence[int]) -> Figures:
    """Octets of a worker's main process and of its child, once both have been at work."""
    del numbers
    store, server = RedisStore(url), redis.Redis.from_url(url)
    if count:
        _fill(store, server, count)
    store.add(list(mails(DUE_NOW)))
    with _running(url, port) as process:
        _until(lambda: store.counts(QUEUE)[MailState.SENT] == DUE_NOW)
        swept: set[bytes | None] = set()

        def has_swept() -> bool:
            swept.add(server.get(PREFIX + "swept"))
            return len(swept) > SWEEPS

        _until(has_swept)
        main, *children = _family(process.pid)
        waiting = store.counts(QUEUE)[MailState.WAITING]
        return {
            "mails": DUE_NOW,
            "waiting": waiting,
            "main": _resident(main),
            "children": sum(map(_resident, children)),
        }


def _fill(store: RedisStore, server: redis.Redis, count: int) -> None:
    (first,) = mails(1, send_at=time.time() + DAY)
    store.add([first])
    copies = server.register_script(COPIES)
    for begin in range(1, count, AT_ONCE):
        copies(keys=[PREFIX], args=[first.id, begin, min(begin + AT_ONCE, count) - 1])


@contextmanager
def _running(url: str, port: int) -> Iterator[SupervisedProcess]:
    with TemporaryDirectory() as folder:
        environ = {
            **{name: text for name, text in os.environ.items() if not name.startswith("NOTIFIER_")},
            "NOTIFIER_BROKER_URL": url,
            "NOTIFIER_SMTP_URL": f"smtp://127.0.0.1:{port}?tls=none",
            "NOTIFIER_JOURNAL": str(Path(folder) / "journal"),
            "NOTIFIER_SWEEP_INTERVAL": "1",
        }
        command = [sys.executable, "-m", "celery", "-A", "worker", "worker", "-c", "1", "-l", "WARNING"]
        process = SupervisedProcess(command, env=environ, cwd=TOP)
        try:
            yield process
        finally:
            process.stop()


def _until(true: Callable[[], bool]) -> None:
    ends = time.monotonic() + PATIENCE
    while not true():
        if time.monotonic() > ends:
            raise RuntimeError("the worker does not do its work")
        time.sleep(0.1)


def _family(process: int) -> list[int]:
    children = Path(f"/proc/{process}/task/{process}/children").read_text().split()
    return [process, *map(int, children)]


def _resident(process: int) -> int:
    lines = Path(f"/proc/{process}/status").read_text().splitlines()
    return next(int(line.split()[1]) * 1024 for line in lines if line.startswith("VmRSS:"))
