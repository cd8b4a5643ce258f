from __future__ import annotations

import logging
from collections.abc import Callable

import fakeredis
import pytest
from store_conformance import added, an_email

from notifier.store import RedisStore


def test_scripts_that_the_server_has_forgotten_are_loaded_again(store: RedisStore, server: fakeredis.FakeRedis) -> None:
    added(store)
    server.script_flush()
    first, second = store.add([an_email(), an_email()]).added
    assert not first.existing
    assert not second.existing
    assert len(store.claim("mail", "worker-1", 10)) == 3


def test_a_server_without_waitaof_is_used_all_the_same_with_one_notice(
    make_store: Callable[..., RedisStore], caplog: pytest.LogCaptureFixture
) -> None:
    store = make_store(durability="fsync")
    with caplog.at_level(logging.WARNING, "notifier.store"):
        added(store)
        added(store)
    (notice,) = caplog.records
    assert "durability is 'aof'" in notice.getMessage()


def test_a_closed_store_opens_again_when_it_is_asked(store: RedisStore) -> None:
    (mail_id,) = added(store)
    store.close()
    store.close()
    assert store.status(mail_id) is not None
