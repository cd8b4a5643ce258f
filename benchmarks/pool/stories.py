"""What is measured, each in a process of its own: a checkout, a crowd that waits, a relay that ends connections."""

from __future__ import annotations

import gc
import threading
import time
from collections import Counter, deque
from collections.abc import Callable, Iterable, Mapping, Sequence
from statistics import median

from benchmarks.smtp.client import processor_seconds
from benchmarks.smtp.load import RECIPIENT, SENDER, Load
from notifier.model.envelope import Envelope, MailObject
from notifier.model.events import Listener, ignore
from notifier.model.outcome import Outcome, RecipientState
from notifier.pool import PoolConfig, SessionPool
from notifier.smtp import Endpoint, TLSPolicy
from notifier.telemetry.logs import log_event

HOST = "127.0.0.1"
PATIENCE = 60.0  # seconds for a place in the pool
NO_END = 1_000_000  # mails on one connection, as far as the pool is concerned
THREADS, SESSIONS = 64, 8
BATCH = 64  # mails that a courier hands over at once
Figures = Mapping[str, float]


def pool_at(port: int, *, window: int = 1, listener: Listener = ignore, size: int = 4) -> SessionPool:
    """A pool that ends no session by itself while the story lasts."""
    config = PoolConfig(size=size, messages_per_connection=NO_END, max_age=3600.0)
    return SessionPool(Endpoint(HOST, port, tls=TLSPolicy.NONE, window=window), config, listener=listener)


def checkout(port: int, load: Load) -> Figures:
    """Check a session out and return it, one at a time and undisturbed, with the listener that workers have.

    As many times as there are mails; one of them is sent, so that the session is one that has been used.
    """
    pool = pool_at(port, listener=log_event)
    with pool.session(time.monotonic() + PATIENCE) as session:
        _accepted(session.send_many(_mails(Load(load.first, 1))))
    clock, took = time.perf_counter, []
    for _ in range(load.count):
        began = clock()
        with pool.session(time.monotonic() + PATIENCE):
            pass
        took.append(clock() - began)
    pool.close()
    return {"mails": 1, "median": median(took), "mean": sum(took) / len(took)}


def crowd(port: int, load: Load) -> Figures:
    """Threads that check out, send one mail and return, again and again: how long each waits for its session."""
    pool, mails = pool_at(port, size=SESSIONS), _mails(load)
    waits: list[list[float]] = []
    ready = threading.Barrier(THREADS + 1)

    def client(own: Sequence[MailObject]) -> None:
        mine: list[float] = []
        ready.wait()
        for mail in own:
            began = time.perf_counter()
            with pool.session(time.monotonic() + PATIENCE) as session:
                mine.append(time.perf_counter() - began)
                _accepted(session.send_many([mail]))
        waits.append(mine)

    threads = [threading.Thread(target=client, args=(mails[at::THREADS],)) for at in range(THREADS)]
    for thread in threads:
        thread.start()
    ready.wait()
    seconds = _timed(lambda: [thread.join() for thread in threads])
    pool.close()
    every = [wait for mine in waits for wait in mine]
    worst = max(map(median, waits)) / min(map(median, waits))  # of the threads, the one that waited most and least
    return {
        "mails": len(every),
        "rate": len(every) / seconds,
        "median": median(every),
        "max": max(every),
        "worst": worst,
    }


def through(port: int, load: Load, window: int = 1) -> Figures:
    """All mails by batches through one pool, as a courier sends them: no more than a session has room for, and again
    what was deferred with nothing handed over.
    """
    pool, found = pool_at(port, window=window), Counter[RecipientState]()
    mails = deque(_mails(load))
    used = processor_seconds()
    seconds = _timed(lambda: _send_all(pool, mails, found))
    used = processor_seconds() - used
    pool.close()
    again = {"deferred": found[RecipientState.DEFERRED], "unknown": found[RecipientState.UNKNOWN]}
    costs = {"processor": used / load.count, "connections": pool.stats()["opened"], **again}
    return {"mails": load.count, "rate": load.count / seconds, **costs}


def _send_all(pool: SessionPool, left: deque[MailObject], found: Counter[RecipientState]) -> None:
    while left:
        with pool.session(time.monotonic() + PATIENCE) as session:
            theirs = [left.popleft() for _ in range(min(BATCH, max(1, session.room), len(left)))]
            for outcome in session.send_many(theirs):
                state = outcome.recipients[RECIPIENT].state
                found[state] += 1
                if state is not RecipientState.ACCEPTED:  # the sink has not taken it, whatever is known here
                    left.append(theirs[outcome.position])


def _mails(load: Load) -> list[MailObject]:
    """Made before anything is timed, and no part of what the collector looks through."""
    envelope = Envelope(SENDER, (RECIPIENT,))
    mails = [MailObject(envelope, message) for message in load.messages()]
    gc.collect()
    gc.freeze()
    return mails


def _accepted(outcomes: Iterable[Outcome]) -> None:
    for outcome in outcomes:
        if outcome.faults:
            raise RuntimeError(f"not accepted: {outcome}")


def _timed(act: Callable[[], object]) -> float:
    began = time.perf_counter()
    act()
    return time.perf_counter() - began
