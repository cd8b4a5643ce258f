"""A program in which many share a few sessions; run by tests/integration/test_crowds.py. ``threads`` are the system's;
with ``gevent`` they are greenlets, for everything is patched before anything else is imported.
"""

# ruff: noqa: E402
from __future__ import annotations

import sys

KIND, STORY, *ARGUMENTS = sys.argv[1:]
if KIND == "gevent":
    from gevent import monkey

    monkey.patch_all()

import json
import threading
import time
from collections.abc import Callable, Iterable
from functools import partial

import redis

from notifier.errors import DeliveryError
from notifier.model.envelope import Envelope, MailObject
from notifier.pool import PoolConfig, SessionPool
from notifier.smtp import Endpoint, Timeouts, TLSPolicy
from notifier.store import RedisStore

PATIENCE = 60.0


def pool_to(port: int, ca_file: str, size: int, host: str = "127.0.0.1") -> SessionPool:
    tls = TLSPolicy.REQUIRED if ca_file else TLSPolicy.NONE
    timeouts = Timeouts(*[PATIENCE] * 12)
    endpoint = Endpoint(host, port, tls=tls, ca_file=ca_file or None, timeouts=timeouts, ehlo_name="us.example")
    return SessionPool(endpoint, PoolConfig(size=size))


def send(pool: SessionPool, who: str, *, granted: Callable[[], None] = lambda: None, size: int = 1) -> None:
    mail = MailObject(
        Envelope("us@example.com", (f"{who}@example.com",)), b"Subject: x\r\n\r\n" + b"x" * size + b"\r\n"
    )
    with pool.session(time.monotonic() + PATIENCE) as session:
        granted()
        (outcome,) = session.send_many([mail])
        assert not outcome.faults, outcome.faults


def run(threads: Iterable[threading.Thread]) -> None:
    for thread in threads:
        thread.join()


def crowd(port: str, ca_file: str, people: str, sessions: str) -> object:
    """Each comes when the one before is in the queue; in which order are they served?

    Whoever was granted a session, and is held up before he has said so, is passed by others: those go on when he has.
    """
    pool, order, threads = pool_to(int(port), ca_file, int(sessions)), [], []
    somebody_said_so = threading.Condition()

    def granted(number: int) -> None:
        before = set(range(number - int(sessions) + 1))
        with somebody_said_so:
            order.append(number)
            somebody_said_so.notify_all()
            assert somebody_said_so.wait_for(lambda: before.issubset(order), PATIENCE), f"{number} was served too early"

    for number in range(int(people)):
        thread = threading.Thread(target=send, args=(pool, f"n{number}"), kwargs={"granted": partial(granted, number)})
        thread.start()
        threads.append(thread)
        while len(order) + pool.stats()["waiting"] <= number:
            time.sleep(0.0001)
    run(threads)
    pool.close(1.0)
    return {"order": order, "stats": dict(pool.stats())}


def held_up(slow_port: str, fast_port: str, ca_file: str, size: str) -> object:
    """One is held up by its relay, for as long as the others have not been served by theirs."""
    slow = pool_to(int(slow_port), ca_file, 1)
    found = meanwhile(lambda: send(slow, "slow", size=int(size)), int(fast_port))
    slow.close(1.0)
    return found


def resolver(fast_port: str) -> object:
    """The resolver answers for one relay when the others have been served."""
    import gevent

    served, resolving = threading.Event(), gevent.get_hub().resolver
    found = resolving.getaddrinfo

    def getaddrinfo(host: str | bytes, *rest: object, **named: object) -> object:
        if host in ("slow.example", b"slow.example"):
            served.wait()
            host = "127.0.0.1"
        return found(host, *rest, **named)

    resolving.getaddrinfo = getaddrinfo
    slow = pool_to(int(fast_port), "", 1, host="slow.example")
    told = meanwhile(lambda: send(slow, "slow"), int(fast_port), served.set)
    slow.close(1.0)
    return told


def store(fast_port: str, url: str) -> object:
    """The store answers one who asks when the others have been served."""
    ledger, control = RedisStore(url, timeout=PATIENCE), redis.Redis.from_url(url)
    ledger.queues()
    control.client_pause(int(PATIENCE * 1000), all=False)
    return meanwhile(lambda: ledger.suppress("z@example.com", "why"), int(fast_port), control.client_unpause)


def meanwhile(held_up: Callable[[], object], fast_port: int, let_go: Callable[[], object] = lambda: None) -> object:
    """Was one still held up when twenty others had been served?"""
    fast = pool_to(fast_port, "", 4)
    one = threading.Thread(target=held_up)
    one.start()
    others = [threading.Thread(target=send, args=(fast, f"fast{n}")) for n in range(20)]
    for other in others:
        other.start()
    run(others)
    held = one.is_alive()
    fast.close(1.0)  # the relay sees it, and lets the one go where that is its business
    let_go()
    run([one])
    return {"held": held}


def upkeep(port: str) -> object:
    """Nobody asks for a session any more: does somebody end the parked one in its time?"""
    endpoint = Endpoint("127.0.0.1", int(port), tls=TLSPolicy.NONE, ehlo_name="us.example")
    pool = SessionPool(endpoint, PoolConfig(size=1, max_idle=0.05))
    send(pool, "one")
    while not pool.stats().get("retired_idle"):
        time.sleep(0.01)
    return dict(pool.stats())


def refused(port: str) -> object:
    """A relay that is not there, asked by many at once."""
    pool, rows = pool_to(int(port), "", 3), []

    def ask() -> None:
        try:
            send(pool, "nobody")
        except DeliveryError as error:
            rows.append(error.taxonomy_id)

    threads = [threading.Thread(target=ask) for _ in range(30)]
    for thread in threads:
        thread.start()
    run(threads)
    return {"rows": rows, "repr": repr(pool)}


if __name__ == "__main__":
    print(json.dumps(globals()[STORY](*ARGUMENTS)))
