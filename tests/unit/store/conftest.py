from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import fakeredis
import pytest
from fake_ledger import Clock, fake_redis, fake_store

from notifier.store import RedisStore


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def server(clock: Clock) -> Iterator[fakeredis.FakeRedis]:
    with fake_redis(clock) as client:
        yield client
        client.close()


@pytest.fixture
def make_store(server: fakeredis.FakeRedis) -> Iterator[Callable[..., RedisStore]]:
    made: list[RedisStore] = []

    def make(**options: Any) -> RedisStore:
        made.append(fake_store(**options))
        return made[-1]

    yield make
    for store in made:
        store.close()


@pytest.fixture
def store(make_store: Callable[..., RedisStore]) -> RedisStore:
    return make_store()
