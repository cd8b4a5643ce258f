"""What is measured, each in a process of its own: the courier with and without the ledger, the ledger's steps, memory."""

from __future__ import annotations

import gc
import json
import random
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from typing import TypeVar

import redis

from benchmarks.delivery.couriers import OWNER, RENEW_EVERY, Waits, desk
from benchmarks.delivery.mails import PREFIX, QUEUE, RELAY, REPLY, mails
from benchmarks.smtp.client import processor_seconds
from notifier.delivery.leases import LeaseKeeper
from notifier.model.email import Email
from notifier.model.outcome import RecipientState
from notifier.model.state import MailState
from notifier.store import RedisStore
from notifier.store.base import Claim, Settlement
from notifier.store.records import payload_of

Figures = Mapping[str, float]
AT_ONCE = 500  # mails, where nothing is timed
SLICE = 100  # mails of each way at a time
SAMPLE = 200  # records whose own memory is asked for
T = TypeVar("T")


def deliver(url: str, port: int, count: int, numbers: Sequence[int]) -> Figures:
    """The courier, from the claim to the settlement: processor seconds for each mail. ``numbers``: mails at once, mails in
    flight.

    With the ledger, without one, and without one but as late; in turns, so that the machine is the same for all.
    """
    batch, window = numbers
    waits, spent = Waits(), Counter[str]()
    with ExitStack() as stack:
        desks = {
            "with": stack.enter_context(desk(url, port, window, waits)),
            "late": stack.enter_context(desk(None, port, window, waits)),
            "without": stack.enter_context(desk(None, port, window)),
        }
        for name in ("without", "late", "with"):  # scripts are loaded, the sessions are open
            desks[name].add(list(mails(batch)))
            desks[name].deliver(batch)
        for at in desks.values():
            at.add(list(mails(count)))
        _clean()
        for turn in range(0, count, SLICE):
            waits.clear()
            # The one that is late comes behind the ledger, and the other one now before both and now behind them.
            for name in ("without", "with", "late") if turn // SLICE % 2 else ("with", "late", "without"):
                spent[name] += desks[name].deliver(batch, SLICE)  # type: ignore[assignment]
            spent["late"] -= waits.slept  # type: ignore[assignment]
    return {"mails": len(desks) * (count + batch), **{name: seconds / count for name, seconds in spent.items()}}


class Meter:
    """Processor seconds by step."""

    def __init__(self) -> None:
        self.spent: Counter[str] = Counter()

    def of(self, step: str, do: Callable[[], T]) -> T:
        began = processor_seconds()
        done = do()
        self.spent[step] += processor_seconds() - began  # type: ignore[assignment]
        return done


def steps(url: str, port: int, count: int, numbers: Sequence[int]) -> Figures:
    """Each step of the ledger by itself: processor seconds for each mail. ``numbers``: mails at once."""
    del port
    (batch,) = numbers
    store, meter, every = RedisStore(url), Meter(), list(mails(count))
    store.add(list(mails(1)))
    _settle_all(store, 1)
    _clean()
    for some in _parts(every, batch):
        meter.of("add", lambda some=some: store.add(some))
    payloads = list(map(payload_of, every))
    meter.of("read", lambda: [Email.from_payload(json.loads(payload)) for payload in payloads])
    while claims := meter.of("claim", lambda: store.claim(QUEUE, OWNER, batch)):
        meter.of("lease", lambda claims=claims: _kept_once(store, claims))
        meter.of("dot", lambda claims=claims: store.begin_dot(claims))
        meter.of("settle", lambda claims=claims: store.settle([_sent(claim) for claim in claims]))
    return {"mails": 0, **{step: seconds / count for step, seconds in meter.spent.items()}}


def _kept_once(store: RedisStore, claims: Sequence[Claim]) -> None:
    with LeaseKeeper(store, claims, RENEW_EVERY):
        pass


def memory(url: str, port: int, count: int, numbers: Sequence[int]) -> Figures:
    """Octets of the store for each mail: while all wait, and when all were sent. ``numbers``: 1 with idempotency keys."""
    del port
    (keyed,) = numbers
    store, server = RedisStore(url), redis.Redis.from_url(url)
    store.add(list(mails(AT_ONCE)))
    _settle_all(store, AT_ONCE)
    at_first = _used(server)
    for some in _parts(list(mails(count, keyed=keyed)), AT_ONCE):
        store.add(some)
    waiting = _used(server) - at_first
    record = _usage_of(server, PREFIX + "mail:*")
    index = server.memory_usage(PREFIX + "due", samples=0) or 0
    _settle_all(store, AT_ONCE)
    finished = _used(server) - at_first
    left = _usage_of(server, PREFIX + "ended:*")
    each = {"waiting": waiting / count, "index": index / count, "finished": finished / count}
    return {"mails": 0, **each, "record": record, "left": left}


def _used(server: redis.Redis) -> int:
    return int(server.info("memory")["used_memory"])


def _usage_of(server: redis.Redis, pattern: str) -> float:
    """Of a record and its key, where there are some; the mean of a sample."""
    keys = list(server.scan_iter(pattern, count=1000))
    sample = random.Random(1).sample(keys, min(SAMPLE, len(keys)))
    return sum(server.memory_usage(key, samples=0) or 0 for key in sample) / len(sample)


def _settle_all(store: RedisStore, batch: int) -> None:
    while claims := store.claim(QUEUE, OWNER, batch):
        store.begin_dot(claims)
        store.settle([_sent(claim) for claim in claims])


def _sent(claim: Claim) -> Settlement:
    states = dict.fromkeys(claim.recipients, RecipientState.ACCEPTED)
    return Settlement(claim, MailState.SENT, recipients=states, reply=REPLY, relay=RELAY)


def _parts(emails: Sequence[Email], size: int) -> Iterator[Sequence[Email]]:
    return (emails[at : at + size] for at in range(0, len(emails), size))


def _clean() -> None:
    """What was made before is the benchmark's, and nobody is to pay for looking through it."""
    gc.collect()
    gc.freeze()
