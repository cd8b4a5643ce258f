from __future__ import annotations

import json
from typing import Any

import fakeredis
import pytest
from fake_ledger import Clock
from store_conformance import added, an_email, at_dot, history_of, state_of

from notifier.model.state import MailState
from notifier.store import RedisStore
from notifier.store.base import Takeover
from notifier.store.rows import Row

RECORD = "notifier:{mail}:mail:"


def spoil(server: fakeredis.FakeRedis, mail_id: str, field: str, value: str | bytes) -> None:
    server.hset(RECORD + mail_id, field, value)


@pytest.mark.parametrize(
    "payload",
    [
        b"",
        b"{",
        b"[]",
        b"null",
        b'{"v": 1}',
        b'{"v": 1, "to": "x"}',
        b"\xff\xfe",
        b'"the-secret-link"',
        b"[" * 100_000,
    ],
)
def test_a_payload_that_is_no_mail_is_quarantined_and_the_others_are_claimed(
    store: RedisStore, server: fakeredis.FakeRedis, payload: bytes
) -> None:
    poison, fine = added(store, an_email(), an_email())
    spoil(server, poison, "payload", payload)
    assert [claim.mail_id for claim in store.claim("mail", "worker-1", 10)] == [fine]
    assert state_of(store, poison) is MailState.QUARANTINED


def test_a_record_without_payload_is_quarantined(store: RedisStore, server: fakeredis.FakeRedis) -> None:
    (poison,) = added(store)
    server.hdel(RECORD + poison, "payload")
    assert store.claim("mail", "worker-1", 10) == []
    assert state_of(store, poison) is MailState.QUARANTINED


@pytest.mark.parametrize(("field", "value"), [("recipients", '{"zoe@example.com": "lost"}'), ("recipients", "[]")])
def test_recipients_that_cannot_be_read_are_quarantined(
    store: RedisStore, server: fakeredis.FakeRedis, field: str, value: str
) -> None:
    (poison,) = added(store)
    spoil(server, poison, field, value)
    assert store.claim("mail", "worker-1", 10) == []
    assert server.hget(RECORD + poison, "state") == b"quarantined"


@pytest.mark.parametrize("changes", [{"id": "0190a000-0000-7000-8000-000000000000"}, {"queue": "mail.bulk"}])
def test_a_payload_of_another_mail_is_quarantined(
    store: RedisStore, server: fakeredis.FakeRedis, changes: dict[str, Any]
) -> None:
    (poison,) = added(store)
    payload = json.loads(server.hget(RECORD + poison, "payload"))
    spoil(server, poison, "payload", json.dumps({**payload, **changes}))
    assert store.claim("mail", "worker-1", 10) == []
    assert state_of(store, poison) is MailState.QUARANTINED


def test_the_history_says_why_and_shows_nothing_of_the_content(store: RedisStore, server: fakeredis.FakeRedis) -> None:
    (poison,) = added(store)
    spoil(server, poison, "payload", '{"v": 1, "context": "the-secret-link"}')
    store.claim("mail", "worker-1", 10)
    status = store.status(poison)
    assert status is not None
    assert status.history[-1]["why"] == "the record cannot be read: KeyError"


def test_a_mail_of_a_newer_version_is_put_back_for_ten_minutes(
    store: RedisStore, server: fakeredis.FakeRedis, clock: Clock
) -> None:
    email = an_email()
    added(store, email)
    spoil(server, email.id, "payload", '{"v": 999}')
    assert store.claim("mail", "worker-1", 10) == []
    status = store.status(email.id)
    assert status is not None
    assert (status.state, status.due_at, status.attempt) == ("waiting", pytest.approx(clock.now + 600, abs=1), 0)
    assert "999" in status.history[-1]["why"]
    spoil(server, email.id, "payload", json.dumps(email.to_payload()))
    clock.now += 600
    assert [claim.email for claim in store.claim("mail", "worker-1", 10)] == [email]


@pytest.mark.parametrize("state", ["waiting", "claimed", "at_dot"])
def test_a_record_that_somebody_deleted_leaves_no_ghost(
    store: RedisStore, server: fakeredis.FakeRedis, clock: Clock, state: str
) -> None:
    (mail_id,) = added(store)
    if state != "waiting":
        claims = store.claim("mail", "worker-1", 1)
    if state == "at_dot":
        store.begin_dot(claims)
    server.delete(RECORD + mail_id)
    clock.now += 3600
    swept = store.sweep("mail")
    assert (swept.leases_over, swept.unknown, swept.due) == (0, 0, 0)
    assert store.status(mail_id) is None
    assert store.claim("mail", "worker-1", 10) == []
    assert not server.exists(RECORD + mail_id)


def test_a_history_keeps_its_newest_entries(store: RedisStore, clock: Clock) -> None:
    (mail_id,) = added(store)
    for _ in range(60):
        (claim,) = store.claim("mail", "worker-1", 1)
        row = Row.read(b"%b %d 0 0 0 0 1 0 0 0\n" % (mail_id.encode(), claim.fence))
        store._put_back("mail", row, MailState.WAITING, "", owner=claim.owner)
        clock.now += 600
    assert len(history_of(store, mail_id)) == 50


def test_what_is_put_back_is_no_other_claims(store: RedisStore) -> None:
    """A restored ledger gives a fence twice, and a blob may be waited for while it is restored."""
    (mail_id,) = added(store)
    (claim,) = store.claim("mail", "worker-1", 1)
    row = Row.read(b"%b %d 0 0 0 0 1 0 0 0\n" % (mail_id.encode(), claim.fence))
    store._put_back("mail", row, MailState.QUARANTINED, "", owner="worker-of-the-old-data")
    assert state_of(store, mail_id) is MailState.CLAIMED


def test_a_sweep_takes_over_a_bounded_number_at_once(
    store: RedisStore, server: fakeredis.FakeRedis, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("notifier.store.redis_store.SWEEP_LIMIT", 3)
    added(store, *(an_email() for _ in range(5)))
    store.claim("mail", "worker-1", 5)
    clock.now += 60
    assert [store.sweep("mail").leases_over for _ in range(3)] == [3, 2, 0]


def test_a_mail_at_its_dot_is_left_alone_until_the_takeover_time(store: RedisStore, clock: Clock) -> None:
    at_dot(store, an_email(mail_class="bulk"))
    clock.now += Takeover().at_dot - 1
    assert store.sweep("mail").unknown == 0
    clock.now += 1
    assert store.sweep("mail").unknown == 1
