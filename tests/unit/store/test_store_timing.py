"""How long the store takes is asked without a trace in the ledger."""

from __future__ import annotations

import fakeredis

from notifier.store import RedisStore
from notifier.store.timing import GONE_AFTER


def test_what_is_written_has_its_size_and_goes_by_itself(store: RedisStore, server: fakeredis.FakeRedis) -> None:
    before = set(server.keys("*"))
    assert store.timing.commit(1000) > 0
    assert store.timing.commit(10) > 0
    (scratch,) = set(server.keys("*")) - before
    assert server.strlen(scratch) == 10
    assert 0 < server.pttl(scratch) <= GONE_AFTER


def test_a_round_trip_writes_nothing(store: RedisStore, server: fakeredis.FakeRedis) -> None:
    before = set(server.keys("*"))
    assert store.timing.round_trip() > 0
    assert set(server.keys("*")) == before
