"""A store that is wiped under an application that goes on: what it enqueues next is found as before."""

from __future__ import annotations

import fakeredis
from store_conformance import added, an_email

from notifier.store import RedisStore


def test_a_mail_is_found_by_whoever_enqueued_before_the_wipe_too(
    store: RedisStore, server: fakeredis.FakeRedis
) -> None:
    added(store)
    server.flushall()
    (mail_id,) = added(store, an_email())
    assert store.queues() == ("mail",)
    assert store.status(mail_id) is not None
