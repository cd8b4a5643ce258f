"""How many connections to the store a process may have, and may have had."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from notifier.errors import StoreUnavailable
from notifier.store.connection import LedgerConnection, Plain
from notifier.testing import EmbeddedValkey

MANY = 150  # more than the client library allows by itself
PING = [Plain(("PING",))]


def test_a_store_that_was_away_for_many_calls_is_reached_when_it_is_back() -> None:
    with EmbeddedValkey() as server:
        ledger = LedgerConnection(server.url, timeout=4.0, durable=False)
        server.kill()
        for _ in range(MANY):
            with pytest.raises(StoreUnavailable, match="refused"):
                ledger.run(PING)
        server.start()
        assert ledger.run(PING) == [b"PONG"]
        ledger.close()


def test_as_many_threads_as_there_are_reach_it_at_once(valkey_server: EmbeddedValkey) -> None:
    ledger, all_there = LedgerConnection(valkey_server.url, timeout=4.0, durable=False), threading.Barrier(MANY)

    def ask(_: int) -> object:
        all_there.wait(60)
        return ledger.run([Plain(("BLPOP", "a list that nobody fills", 1))])[0]

    with ThreadPoolExecutor(MANY) as threads:
        assert set(threads.map(ask, range(MANY))) == {None}
    ledger.close()
