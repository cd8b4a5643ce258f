from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

import pytest
from store_conformance import a_worker, an_email

from notifier.errors import IdempotencyConflict
from notifier.model.state import MailState
from notifier.store import RedisStore
from notifier.store.base import Settlement, Takeover
from notifier.testing import EmbeddedValkey

THREADS = 8
T = TypeVar("T")


@pytest.fixture(scope="module")
def valkey() -> Iterator[EmbeddedValkey]:
    with EmbeddedValkey() as server:
        yield server


@pytest.fixture
def store(valkey: EmbeddedValkey) -> Iterator[RedisStore]:
    store = RedisStore(valkey.url, durability="aof", takeover=Takeover(batch=50))
    yield store
    store._connection.ask(("FLUSHALL",))
    store.close()


def at_the_same_time(work: Callable[[int], T]) -> list[T]:
    start = threading.Barrier(THREADS)

    def one(number: int) -> T:
        start.wait(10)
        return work(number)

    with ThreadPoolExecutor(THREADS) as pool:
        return list(pool.map(one, range(THREADS)))


def test_eight_claimers_never_own_one_mail_twice(store: RedisStore) -> None:
    ids = [one.mail_id for _ in range(4) for one in store.add([an_email() for _ in range(100)]).added]

    def claim_all(number: int) -> list[str]:
        mine: list[str] = []
        while claims := store.claim("mail", f"worker-{number}", 7):
            mine += [claim.mail_id for claim in claims]
        return mine

    owned = Counter(mail_id for mine in at_the_same_time(claim_all) for mail_id in mine)
    assert owned == Counter(ids)


def test_one_key_in_eight_calls_at_once_is_one_mail(store: RedisStore) -> None:
    answers = at_the_same_time(lambda _: store.add([an_email(idempotency_key="welcome-42")]).added[0])
    assert len({answer.mail_id for answer in answers}) == 1
    assert [answer.existing for answer in answers].count(False) == 1
    assert len(store.claim("mail", "worker-1", 10)) == 1


def test_one_key_with_eight_bodies_at_once_is_one_mail_and_seven_conflicts(store: RedisStore) -> None:
    def add(number: int) -> tuple[str, bool]:
        try:
            return store.add([an_email(idempotency_key="k", context={"number": number})]).added[0].mail_id, False
        except IdempotencyConflict as conflict:
            return conflict.mail_id, True

    answers = at_the_same_time(add)
    assert len({mail_id for mail_id, _ in answers}) == 1
    assert [conflict for _, conflict in answers].count(True) == THREADS - 1


def test_one_settlement_in_eight_calls_at_once_is_taken_once(store: RedisStore) -> None:
    store.add([an_email()])
    (claim,) = store.claim("mail", "worker-1", 1)
    store.begin_dot([claim])
    at_the_same_time(lambda _: store.settle([Settlement(claim, MailState.SENT)]))
    assert store.counts("mail")[MailState.SENT] == 1


def test_ten_thousand_mails_ring_two_bells_for_two_slots(store: RedisStore) -> None:
    store.register_worker(a_worker(slots=2), ttl=300)

    def add(_: int) -> int:
        return sum(len(store.add([an_email() for _ in range(250)]).bells.get("mail", ())) for _ in range(5))

    assert sum(at_the_same_time(add)) == 2
    assert store.counts("mail")[MailState.WAITING] == 10_000
    assert store.sweep("mail", broker_idle=False).bells == ()
