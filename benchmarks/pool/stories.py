"""What is measured, each in a process of its own: a checkout, a crowd that waits, a relay that ends connections."""

from __future__ import annotations

import gc
import threading
import time
from collections import Counter, deque
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from statistics import median

import redis

from benchmarks.smtp import cores
from benchmarks.smtp.client import processor_seconds
from benchmarks.smtp.load import RECIPIENT, SENDER, Load
from notifier.model.envelope import Envelope, MailObject
from notifier.model.events import Listener, ignore
from notifier.model.outcome import Outcome, RecipientState
from notifier.pool import PoolConfig, SessionPool
from notifier.pool.slots import Slots
from notifier.settings.table import TABLE
from notifier.smtp import Endpoint, TLSPolicy
from notifier.store import RedisStore
from notifier.tasks.telling import tell
from notifier.testing import EmbeddedValkey

HOST = "127.0.0.1"
PATIENCE = 60.0  # seconds for a place in the pool
NO_END = 1_000_000  # mails on one connection, as far as the pool is concerned
SLICE = 500  # mails to one relay before it is the next one's turn
THREADS, SESSIONS = 64, 8
STEPS = 1_000  # of the loop by which a processor's pace is told
BATCH = next(int(one.default) for one in TABLE if one.name == "NOTIFIER_BATCH" and one.default)  # as workers claim
Figures = Mapping[str, float]


def pool_at(
    port: int, *, window: int = 1, listener: Listener = ignore, size: int = 4, slots: Slots | None = None
) -> SessionPool:
    """A pool that ends no session by itself while the story lasts."""
    config = PoolConfig(size=size, messages_per_connection=NO_END, max_age=3600.0)
    endpoint = Endpoint(HOST, port, tls=TLSPolicy.NONE, window=window)
    return SessionPool(endpoint, config, listener=listener, slots=slots)


def checkout(loads: Sequence[Load], ports: Sequence[int]) -> list[Figures]:
    """Check a session out and return it, one at a time and undisturbed, with the listener that workers have.

    As many times as there are mails; one of them is sent, so that the session is one that has been used.
    """
    (load,), (port,) = loads, ports
    pool = pool_at(port, listener=tell)
    with pool.session(time.monotonic() + PATIENCE) as session:
        _check(session.send_many(_mails(Load(load.first, 1))))
    clock, took = time.perf_counter, []
    before = pace()
    for _ in range(load.count):
        began = clock()
        with pool.session(time.monotonic() + PATIENCE):
            pass
        took.append(clock() - began)
    loop = (before + pace()) / 2
    pool.close()
    return [{"mails": 1, "median": median(took), "mean": sum(took) / len(took), "pace": loop}]


def pace() -> float:
    """Seconds that the processor takes for a fixed loop of Python just now: where others share it, it flips between paces."""

    def once() -> float:
        began, total = time.perf_counter(), 0
        for number in range(STEPS):
            total += number * number
        return time.perf_counter() - began

    return median(once() for _ in range(25))


def crowd(loads: Sequence[Load], ports: Sequence[int]) -> list[Figures]:
    """Threads that check out, send one mail and return, again and again: how long each waits for its session.

    The sessions are open before: it is waiting that is measured, not connecting.
    """
    (load,), (port,) = loads, ports
    pool, mails = pool_at(port, size=SESSIONS), _mails(load)
    pool.open(warm=SESSIONS)
    waits: list[list[float]] = []
    ready = threading.Barrier(THREADS + 1)

    def client(own: Sequence[MailObject]) -> None:
        mine: list[float] = []
        ready.wait()
        for mail in own:
            began = time.perf_counter()
            with pool.session(time.monotonic() + PATIENCE) as session:
                mine.append(time.perf_counter() - began)
                _check(session.send_many([mail]))
        waits.append(mine)

    threads = [threading.Thread(target=client, args=(mails[at::THREADS],)) for at in range(THREADS)]
    for thread in threads:
        thread.start()
    ready.wait()
    began = time.perf_counter()
    for thread in threads:
        thread.join()
    rate = len(mails) / (time.perf_counter() - began)
    pool.close()
    every, usual = [wait for mine in waits for wait in mine], [median(mine) for mine in waits]
    unequal = max(usual) / min(usual)
    return [{"mails": len(every), "rate": rate, "median": median(every), "max": max(every), "unequal": unequal}]


def counted_relays(loads: Sequence[Load], ports: Sequence[int]) -> list[Figures]:
    """The same as `relays`, with every connection counted in a ledger for all workers, as theirs are."""
    with EmbeddedValkey() as valkey, closing(RedisStore(valkey.url)) as store:
        with redis.Redis.from_url(valkey.url) as server:
            cores.keep_for_servers(int(server.info("server")["process_id"]))
        return relays(loads, ports, slots_at=lambda port: Slots(store.connections, f"{HOST}:{port}", f"{HOST}:{port}"))


def relays(
    loads: Sequence[Load],
    ports: Sequence[int],
    window: int = 1,
    slots_at: Callable[[int], Slots | None] = lambda _: None,
) -> list[Figures]:
    """Each relay its mails, a slice to each in turn: what the machine does meanwhile falls on all alike."""
    lanes = [
        Lane(pool_at(port, window=window, slots=slots_at(port)), deque(_mails(load)))
        for load, port in zip(loads, ports, strict=True)
    ]
    turn = 0
    while any(lane.left for lane in lanes):
        at = turn % len(lanes)  # no one is always behind the same neighbour
        for lane in lanes[at:] + lanes[:at]:
            lane.send(SLICE)
        turn += 1
    for lane in lanes:
        lane.pool.close()
    return [lane.figures(load.count) for lane, load in zip(lanes, loads, strict=True)]


@dataclass
class Lane:
    """The way to one relay, and what it has taken; ``left`` are the mails that are still to go."""

    pool: SessionPool
    left: deque[MailObject]
    found: Counter[RecipientState] = field(default_factory=Counter)
    seconds: float = 0.0
    processor: float = 0.0

    def send(self, count: int) -> None:
        """The next mails, until the relay has taken every one of them."""
        mails = deque(self.left.popleft() for _ in range(min(count, len(self.left))))
        began, used = time.perf_counter(), processor_seconds()
        while mails:
            self._send_batch(mails)
        self.seconds += time.perf_counter() - began
        self.processor += processor_seconds() - used

    def _send_batch(self, mails: deque[MailObject]) -> None:
        """As a courier does: no more than the session has room for, and again what was deferred with nothing handed over."""
        with self.pool.session(time.monotonic() + PATIENCE) as session:
            theirs = [mails.popleft() for _ in range(min(BATCH, max(1, session.room), len(mails)))]
            for outcome in session.send_many(theirs):
                state = outcome.recipients[RECIPIENT].state
                self.found[state] += 1
                if state is not RecipientState.ACCEPTED:  # the sink has not taken it, whatever is known here
                    mails.append(theirs[outcome.position])

    def figures(self, mails: int) -> Figures:
        """When all have gone."""
        again = {"deferred": self.found[RecipientState.DEFERRED], "unknown": self.found[RecipientState.UNKNOWN]}
        costs = {"processor": self.processor / mails, "connections": self.pool.stats()["opened"]}
        return {"mails": mails, "rate": mails / self.seconds, **costs, **again}


def _mails(load: Load) -> list[MailObject]:
    """Made before anything is timed, and no part of what the collector looks through."""
    envelope = Envelope(SENDER, (RECIPIENT,))
    mails = [MailObject(envelope, message) for message in load.messages()]
    gc.collect()
    gc.freeze()
    return mails


def _check(outcomes: Iterable[Outcome]) -> None:
    for outcome in outcomes:
        if outcome.faults:
            raise RuntimeError(f"not accepted: {outcome}")
