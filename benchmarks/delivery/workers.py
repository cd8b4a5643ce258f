"""A worker's memory, with mails that are due tomorrow in its store: `celery -A worker worker`, as everybody starts it."""

from __future__ import annotations

import time
from collections.abc import Sequence

import redis

from benchmarks.delivery.mails import PREFIX, QUEUE, mails
from benchmarks.delivery.stories import Figures
from benchmarks.processes import family, resident, until
from benchmarks.processes import worker as running
from notifier.model.state import MailState
from notifier.store import RedisStore

DUE_NOW = 200  # mails that the worker has delivered when its memory is looked at
SWEEPS = 3  # that it has made, too
DAY = 24 * 3600.0
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
        fill(store, server, count)
    store.add(list(mails(DUE_NOW)))
    with running(url, f"smtp://127.0.0.1:{port}?tls=none", more={"NOTIFIER_SWEEP_INTERVAL": "1"}) as process:
        until(lambda: store.counts(QUEUE)[MailState.SENT] == DUE_NOW, "mails that are due are sent", look_every=0.1)
        swept: set[bytes | None] = set()

        def has_swept() -> bool:
            swept.add(server.get(PREFIX + "swept"))
            return len(swept) > SWEEPS

        until(has_swept, "the worker sweeps", look_every=0.1)
        main, *children = family(process.pid)
        waiting = store.counts(QUEUE)[MailState.WAITING]
        return {
            "mails": DUE_NOW,
            "waiting": waiting,
            "main": resident(main),
            "children": sum(map(resident, children)),
        }


def fill(store: RedisStore, server: redis.Redis, count: int) -> None:
    """Mails that are due tomorrow."""
    (first,) = mails(1, send_at=time.time() + DAY)
    store.add([first])
    copies = server.register_script(COPIES)
    for begin in range(1, count, AT_ONCE):
        copies(keys=[PREFIX], args=[first.id, begin, min(begin + AT_ONCE, count) - 1])
