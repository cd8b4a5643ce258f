"""The least of a mail in Python: what a target would have to be above, whoever's code it is."""

from __future__ import annotations

import hashlib
import json
import time
import uuid
from collections.abc import Callable, Sequence

import redis

from benchmarks.compose import shipped
from benchmarks.compose.jinja import rendered as rendered_by_jinja
from benchmarks.compose.mails import CONTENT_ID
from benchmarks.end_to_end.mails import calls
from notifier.testing import EmbeddedValkey

BLOCK = 500  # mails in one round trip


def recorded(mails: int, at_once: int = BLOCK) -> float:
    """Processor seconds to write a mail down, with nothing checked: its JSON, the hash of that, an id, a hash and a key of the server's.

    ``at_once``: in one round trip.
    """

    def record(numbers: range) -> None:
        for begin in range(numbers.start, numbers.stop, at_once):
            _record(server, range(begin, begin + at_once))

    with EmbeddedValkey() as valkey, redis.Redis.from_url(valkey.url) as server:
        return _each(record, mails)


def _record(server: redis.Redis, numbers: range) -> None:
    pipeline = server.pipeline(transaction=False)
    for call in calls(numbers):
        text = json.dumps(call, ensure_ascii=False, separators=(",", ":"), sort_keys=True).encode()
        mail_id, digest = uuid.uuid4().hex, hashlib.sha256(text).hexdigest()
        pipeline.hset(f"mail:{mail_id}", mapping={"body": text, "digest": digest})
        pipeline.set(f"key:{call['to']}", mail_id, nx=True, ex=86_400)
    pipeline.execute()


def rendered(mails: int) -> tuple[float, float, float]:
    """Processor seconds of a mail's template and message, linked and by us; of its template alone; of that by Jinja2 alone."""
    name = shipped.NAME
    ways: Sequence[Callable[[int], object]] = (
        lambda number: shipped.ours(shipped.order(number)),
        lambda number: shipped.RENDERER.render(name, shipped.order(number)),
        lambda number: rendered_by_jinja(name, shipped.order(number), image=f"cid:{CONTENT_ID}"),
    )
    both, ours, jinja = (_each(lambda numbers, way=way: [way(number) for number in numbers], mails) for way in ways)
    return both, ours, jinja


def _each(work: Callable[[range], object], mails: int) -> float:
    """After as many before: by then all that is made once is made."""
    blocks = [range(begin, begin + BLOCK) for begin in range(0, 2 * mails, BLOCK)]
    for block in blocks[: len(blocks) // 2]:
        work(block)
    began = time.process_time()
    for block in blocks[len(blocks) // 2 :]:
        work(block)
    return (time.process_time() - began) / (len(blocks) - len(blocks) // 2) / BLOCK
