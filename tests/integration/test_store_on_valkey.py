from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from report_conformance import ReportConformance, TallyConformance
from store_conformance import StoreConformance

from notifier.store import RedisStore
from notifier.testing import EmbeddedValkey


@pytest.fixture(scope="module")
def valkey() -> Iterator[EmbeddedValkey]:
    with EmbeddedValkey() as server:
        yield server


@pytest.fixture
def make_store(valkey: EmbeddedValkey) -> Iterator[Callable[..., RedisStore]]:
    made: list[RedisStore] = []

    def make(**options: Any) -> RedisStore:
        made.append(RedisStore(valkey.url, **options))
        return made[-1]

    yield make
    make()._connection.ask(("FLUSHALL",))
    for store in made:
        store.close()


@pytest.fixture
def store(make_store: Callable[..., RedisStore]) -> RedisStore:
    return make_store()


class TestTheLedgerOnValkey(StoreConformance):
    pass


class TestReportsOnValkey(ReportConformance):
    pass


class TestTalliesOnValkey(TallyConformance):
    pass
