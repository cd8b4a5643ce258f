from __future__ import annotations

import fakeredis
import pytest
from fake_ledger import Clock
from store_conformance import added, an_email, at_dot, claimed

from notifier.model.state import MailState
from notifier.store import RedisStore
from notifier.store.base import Settlement

DAY = 86_400.0
RECORD, COMPOSED, HISTORY = "notifier:{mail}:mail:", "notifier:{mail}:composed:", "notifier:{mail}:history:"
ENDED = "notifier:{mail}:ended:"


def test_what_was_sent_is_forgotten_but_for_what_became_of_it(store: RedisStore, server: fakeredis.FakeRedis) -> None:
    first = at_dot(store, an_email())
    store.settle([Settlement(first, MailState.WAITING, composed=b"Subject: x\r\n\r\n")])
    store.settle([Settlement(at_dot(store), MailState.SENT)])
    assert b"secret" not in server.get(ENDED + first.mail_id)
    for key in (RECORD, COMPOSED, HISTORY):
        assert not server.exists(key + first.mail_id)
    assert server.pttl(ENDED + first.mail_id) == pytest.approx(7 * DAY * 1000, abs=60_000)


def test_a_dead_letter_is_kept_whole_until_a_person_decides(store: RedisStore, server: fakeredis.FakeRedis) -> None:
    claim = claimed(store, an_email())
    store.settle([Settlement(claim, MailState.FAILED, composed=b"octets")])
    assert server.hexists(RECORD + claim.mail_id, "payload")
    assert server.get(COMPOSED + claim.mail_id) == b"octets"
    assert server.pttl(RECORD + claim.mail_id) == -1


def test_cancelled_mails_leave_their_list_when_their_time_is_over(
    store: RedisStore, server: fakeredis.FakeRedis, clock: Clock
) -> None:
    (mail_id,) = added(store)
    store.cancel(mail_id)
    clock.now += 7 * DAY
    store.sweep("mail")
    assert store.list_mails("mail", MailState.CANCELLED) == []
    assert store.counts("mail")[MailState.CANCELLED] == 1
    assert server.zcard("notifier:{mail}:cancelled") == 0


def test_a_retention_shorter_than_the_window_is_refused() -> None:
    with pytest.raises(ValueError, match="could send twice"):
        RedisStore("redis://localhost", retention=60.0, idempotency_window=61.0)


def test_an_unknown_durability_is_refused() -> None:
    with pytest.raises(ValueError, match="fsync, aof, memory"):
        RedisStore("redis://localhost", durability="disk")
