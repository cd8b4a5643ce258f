"""One run: real `celery -A worker worker -c 1` on one Valkey, mail for a fast sink, and what each of them took."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager, nullcontext
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

import redis
from celery import Celery

from benchmarks.delivery.mails import PREFIX, mails
from benchmarks.processes import TICK, all_used, rest, until, used, worker
from benchmarks.smtp.sink import Sink
from notifier.store import RedisStore
from notifier.testing import EmbeddedValkey

PATIENCE = 200.0  # seconds
WORK = "the replicas do their work"
# Mails for each replica before: the first of a process load its templates and half of its modules, and a template is linked
# when it has been used 200 times. More replicas would have more of that among as many mails, and whoever begins last has
# fewer of these than the others.
WARM = 600
PORTION = 5_000  # mails added in one round trip, which the store has to answer in time
# Limits that never bind: asking for them costs what it costs with those that do.
LIMITS = "tls=none&connections=1000&rate=1000000"


@dataclass(frozen=True, slots=True)
class Run:
    """From the 15th to the 85th of a hundred mails. Processor times are seconds a mail; ``others``: processors that nobody here used."""

    replicas: int
    rate: float  # mails a second
    worker: float
    store: float
    sink: float
    steps: float  # scripts that a mail takes, with its share of what a batch takes
    commands: float  # with those inside of scripts
    syncs: float  # waits for the disk that the workers asked for
    others: float


@dataclass(frozen=True, slots=True)
class _Sample:
    at: float
    mails: int
    worker: float
    store: float
    sink: float
    steps: int
    commands: int
    syncs: int
    machine: float


def measure(
    replicas: int,
    count: int,
    sink: Sink,
    *,
    more: str = "",
    look: Callable[[int], AbstractContextManager[None]] = lambda _: nullcontext(),
) -> Run:
    """``more``: options for the relay's URL. ``look`` is entered with the first worker's process while all are measured."""
    sink.reset()
    with EmbeddedValkey() as valkey, redis.Redis.from_url(valkey.url) as server:
        url = f"smtp://127.0.0.1:{sink.plain_port}?{LIMITS}{more}"
        with _running(replicas, valkey.url, url) as pids:
            until(lambda: server.zcard(PREFIX + "workers") == replicas, WORK, PATIENCE)
            store, warm = RedisStore(valkey.url), min(WARM, count) * replicas
            _add(store, valkey.url, warm)
            until(lambda: sink.received().mails == warm, WORK, PATIENCE)
            rest(pids)
            first = _sample(server, pids, sink)
            _add(store, valkey.url, count)
            until(lambda: sink.received().mails >= warm + 0.15 * count, WORK, PATIENCE)
            begin = _sample(server, pids, sink)
            with look(pids[0]):
                until(lambda: sink.received().mails >= warm + 0.85 * count, WORK, PATIENCE)
                end = _sample(server, pids, sink)
            until(lambda: sink.received().mails == warm + count, WORK, PATIENCE)
    # Where all came between two looks, on a machine that stood still in a smoke test, the start is measured as well.
    return _difference(replicas, begin if begin.mails < end.mails else first, end)


def _add(store: RedisStore, broker: str, count: int) -> None:
    """With the bells that it calls for: until one that was lost is rung again, seconds pass."""
    every = mails(count)
    with Celery(broker=broker, set_as_current=False) as app:
        while portion := list(islice(every, PORTION)):
            for queue, bells in store.add(portion).bells.items():
                for bell in bells:
                    app.send_task("notifier.bell", args=(queue, bell), queue=queue)


def _difference(replicas: int, begin: _Sample, end: _Sample) -> Run:
    count, seconds = end.mails - begin.mails, end.at - begin.at
    worker, store, sink = end.worker - begin.worker, end.store - begin.store, end.sink - begin.sink
    return Run(
        replicas,
        count / seconds,
        worker / count,
        store / count,
        sink / count,
        (end.steps - begin.steps) / count,
        (end.commands - begin.commands) / count,
        (end.syncs - begin.syncs) / count,
        max(0.0, (end.machine - begin.machine - worker - store - sink) / seconds),
    )


@contextmanager
def _running(replicas: int, store: str, relay: str) -> Iterator[Sequence[int]]:
    with ExitStack() as stack:
        sweeping = {"NOTIFIER_SWEEP_INTERVAL": "1"}
        processes = [stack.enter_context(worker(store, relay, more=sweeping)) for _ in range(replicas)]
        yield [one.pid for one in processes]


def _sample(server: redis.Redis, pids: Sequence[int], sink: Sink) -> _Sample:
    store, stats = server.info("cpu"), server.info("commandstats")
    mails = sink.received().mails
    return _Sample(
        time.monotonic(),
        mails,
        all_used(pids),
        store["used_cpu_user"] + store["used_cpu_sys"],
        used(sink.pid),
        _calls(stats, "evalsha"),
        sum(one["calls"] for one in stats.values()),
        _calls(stats, "waitaof"),
        _machine(),
    )


def _calls(stats: dict[str, dict[str, int]], command: str) -> int:
    return stats.get(f"cmdstat_{command}", {"calls": 0})["calls"]


def _machine() -> float:
    """Processor seconds since the start that were not idle, of all processors."""
    user, nice, system, _idle, _waiting, *interrupts = map(
        int, Path("/proc/stat").read_text().splitlines()[0].split()[1:9]
    )
    return (user + nice + system + sum(interrupts)) / TICK
