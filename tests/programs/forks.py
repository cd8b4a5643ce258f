"""A program with a pool that forks; run by tests/integration/test_forks.py. Its arguments are a port, a CA file or nothing,
and what the child does.
"""

from __future__ import annotations

import faulthandler
import os
import sys
import threading
import time
from collections.abc import Callable

import psutil

from notifier.model.envelope import Envelope, MailObject
from notifier.model.outcome import RecipientState
from notifier.pool import PoolConfig, SessionPool
from notifier.smtp import Endpoint, Session, TLSPolicy

HANGS = 30.0  # seconds


def pool_to(port: int, ca_file: str) -> SessionPool:
    tls = TLSPolicy.REQUIRED if ca_file else TLSPolicy.NONE
    endpoint = Endpoint("127.0.0.1", port, tls=tls, ca_file=ca_file or None, ehlo_name="us.example")
    return SessionPool(endpoint, PoolConfig(size=3, messages_per_connection=1_000_000))


def send(session: Session, who: str) -> RecipientState:
    mail = MailObject(Envelope("us@example.com", (f"{who}@example.com",)), b"Subject: x\r\n\r\nx\r\n")
    (outcome,) = session.send_many([mail])
    return next(iter(outcome.recipients.values())).state


def soon() -> float:
    return time.monotonic() + 20


def connections(port: int) -> int:
    """That this process has a descriptor of."""
    return sum(one.raddr.port == port for one in psutil.Process().net_connections("tcp") if one.raddr)


def forked(child: Callable[[], bool]) -> None:
    """Raises `AssertionError` where the child says no, raises or hangs."""
    pid = os.fork()
    if pid == 0:
        faulthandler.dump_traceback_later(HANGS, exit=True)  # a lock that was held at the fork, perhaps
        try:
            good = child()
        except BaseException as error:  # noqa: BLE001 - whatever it is, the child must not go on as if it were the parent
            print(f"child: {error!r}", flush=True)
            good = False
        sys.stdout.flush()
        os._exit(0 if good else 1)
    _, status = os.waitpid(pid, 0)
    assert status == 0, f"the child failed: {status}"


def while_one_is_lent(port: int, ca_file: str, child: str) -> None:
    """One session is lent and one parked at the fork; the parent goes on with both."""
    pool = pool_to(port, ca_file)
    with pool.session(soon()), pool.session(soon()) as parked:
        send(parked, "parent")
    lending = pool.session(soon())
    lent = lending.__enter__()
    send(lent, "parent")
    assert connections(port) == 2

    def nothing() -> bool:
        return connections(port) == 0

    def uses_the_pool() -> bool:
        with pool.session(soon()) as mine:
            arrived = send(mine, "child") is RecipientState.ACCEPTED
        pool.close(1.0)
        return arrived and connections(port) == 0

    def uses_what_was_lent() -> bool:
        refused = send(lent, "child") is RecipientState.DEFERRED
        lending.__exit__(None, None, None)
        return refused and not pool.stats()["parked"]

    def ends_in_order() -> bool:
        pool.drain()
        pool.close(1.0)
        return connections(port) == 0

    forked({f.__name__: f for f in (nothing, uses_the_pool, uses_what_was_lent, ends_in_order)}[child])
    assert connections(port) == 2, "the parent's are the parent's"
    assert send(lent, "parent") is RecipientState.ACCEPTED
    lending.__exit__(None, None, None)
    with pool.session(soon()) as first, pool.session(soon()) as second:
        assert {send(first, "parent"), send(second, "parent")} == {RecipientState.ACCEPTED}
    assert pool.stats()["opened"] == 2
    pool.close(1.0)


def under_load(port: int, ca_file: str, _: str) -> None:
    """Threads come and go in the pool while children are forked, each of which sends too."""
    pool, over = pool_to(port, ca_file), threading.Event()
    pool.open(warm=3, deadline=soon())  # whoever forks in the middle of a TLS handshake is on their own

    def go_on() -> None:
        while not over.is_set():
            with pool.session(soon()) as session:
                assert send(session, "parent") is RecipientState.ACCEPTED

    def one_mail() -> bool:
        with pool.session(soon()) as session:
            arrived = send(session, "child") is RecipientState.ACCEPTED
        pool.close(1.0)
        return arrived

    threads = [threading.Thread(target=go_on) for _ in range(4)]
    for thread in threads:
        thread.start()
    try:
        for _ in range(40):
            forked(one_mail)
    finally:
        over.set()
        for thread in threads:
            thread.join()
    assert not any(name.startswith("retired_") for name in pool.stats()), pool.stats()
    pool.close(1.0)


if __name__ == "__main__":
    story, port, ca_file, what = sys.argv[1:]
    {"lent": while_one_is_lent, "load": under_load}[story](int(port), ca_file, what)
