"""Token buckets on a real Valkey, asked by threads and by processes at the same moment: together they let through what one
bucket gives, and of those that wait each has a turn of its own.
"""

from __future__ import annotations

import subprocess
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise
from typing import TypeVar

import pytest

from notifier.model.limits import Rate
from notifier.store import RedisStore
from notifier.testing import EmbeddedValkey

CALLERS = 8
# So slow that no token comes while a test lasts, and so: what goes is the burst, to the mail.
AN_HOUR = 3600.0
BUCKETS = [
    Rate(f"{owner} one", 1 / AN_HOUR, burst=20) for owner in ("relay 192.0.2.1:25", "domain slow.example", "tenant")
]
PER_SECOND, BURST = 300.0, 50.0  # for processes
T = TypeVar("T")

ASKING = """
import sys
from notifier.model.limits import Rate
from notifier.store import RedisStore

store = RedisStore(sys.argv[1])
rate = Rate("relay many", float(sys.argv[2]), burst=float(sys.argv[3]))
print("ready", flush=True)
sys.stdin.readline()
for _ in range(200):
    before = store._connection.ask(("TIME",))[0]
    gone = store.rates.take([[rate]] * 3).count(0.0)
    after = store._connection.ask(("TIME",))[0]
    print(*(int(seconds) * 10**6 + int(more) for seconds, more in (before, after)), gone)
"""


@pytest.fixture
def store(valkey_server: EmbeddedValkey) -> Iterator[RedisStore]:
    store = RedisStore(valkey_server.url)
    yield store
    store._connection.ask(("FLUSHALL",))
    store.close()


def at_the_same_time(work: Callable[[], T]) -> list[T]:
    start = threading.Barrier(CALLERS)

    def one(_: int) -> T:
        start.wait(60)
        return work()

    with ThreadPoolExecutor(CALLERS) as pool:
        return list(pool.map(one, range(CALLERS)))


@pytest.mark.parametrize("rate", BUCKETS, ids=lambda rate: rate.key.partition(" ")[0])
def test_threads_take_one_burst_together_and_each_that_waits_has_a_turn_of_its_own(
    store: RedisStore, rate: Rate
) -> None:
    waits = [wait for mine in at_the_same_time(lambda: store.rates.take([[rate]] * 10)) for wait in mine]
    assert waits.count(0.0) == rate.burst
    turns = sorted(wait for wait in waits if wait)
    # Each call is asked at its own moment, and knows its turn from then on: minutes are far more than the calls lie apart.
    assert all(AN_HOUR / 2 < later - sooner < AN_HOUR * 3 / 2 for sooner, later in pairwise(turns))
    assert len(turns) == 10 * CALLERS - rate.burst


def test_of_one_call_those_that_wait_are_due_in_their_order(store: RedisStore) -> None:
    def waits() -> list[float]:
        return [wait for wait in store.rates.take([[BUCKETS[0]]] * 10) if wait]

    for mine in at_the_same_time(waits):
        assert mine == sorted(set(mine))


def test_a_mail_of_several_buckets_takes_a_token_of_each_or_of_none_whoever_asks_beside_it(store: RedisStore) -> None:
    wide, narrow = Rate("tenant wide", 1 / AN_HOUR, burst=30), Rate("domain narrow", 1 / AN_HOUR, burst=7)
    went = at_the_same_time(lambda: store.rates.take([[wide, narrow]] * 10).count(0.0))
    assert sum(went) == narrow.burst
    assert store.rates.take([[wide]] * 30).count(0.0) == wide.burst - narrow.burst


def test_what_callers_give_back_at_once_is_there_once(store: RedisStore) -> None:
    (rate, *_) = BUCKETS
    taken = at_the_same_time(lambda: store.rates.take([[rate]] * 10).count(0.0))
    at_the_same_time(lambda: store.rates.give_back([[rate]] * 2))
    assert sum(taken) == rate.burst
    assert store.rates.take([[rate]] * 50).count(0.0) == 2 * CALLERS


def asked(process: subprocess.Popen[str]) -> list[tuple[int, int, int]]:
    lines = process.communicate("go\n")[0].splitlines()
    assert process.returncode == 0
    return [(int(before), int(after), int(gone)) for before, after, gone in map(str.split, lines)]


def test_no_span_lets_more_through_than_the_burst_and_the_rate_whichever_process_asks(
    valkey_server: EmbeddedValkey, store: RedisStore
) -> None:
    processes = [
        subprocess.Popen(
            [sys.executable, "-c", ASKING, valkey_server.url, str(PER_SECOND), str(BURST)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        for _ in range(3)
    ]
    for process in processes:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
    with ThreadPoolExecutor(len(processes)) as pool:
        calls = [call for mine in pool.map(asked, processes) for call in mine]
    assert sum(gone for _, _, gone in calls) >= BURST
    check_each_span(calls)


def check_each_span(calls: Sequence[tuple[int, int, int]]) -> None:
    """From the beginning of each call on: what went in calls that lie within the span. Times are the server's, in µs."""
    by_their_ends = sorted(calls, key=lambda call: call[1])
    for start, _, _ in calls:
        gone = 0
        for _, ended, went in (call for call in by_their_ends if call[0] >= start):
            gone += went
            # A bucket counts whole milliseconds.
            assert gone <= BURST + PER_SECOND * ((ended - start) / 10**6 + 0.001)
