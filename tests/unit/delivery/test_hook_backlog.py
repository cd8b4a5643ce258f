from __future__ import annotations

import json
from collections.abc import Iterator

import fakeredis
import pytest
from fake_ledger import Clock, fake_redis, fake_store
from store_conformance import GREYLISTED, an_email, at_dot, claimed

from notifier.delivery.hooks import HookFailed, HookRefused, tell_backlog
from notifier.model.hook import HookEvent, HookKind, Told
from notifier.model.outcome import RecipientState
from notifier.model.spent import Spent
from notifier.model.state import MailState
from notifier.store import RedisStore
from notifier.store.base import Settlement, Takeover

WEBHOOK = HookKind.WEBHOOK
TAKEOVER = Takeover(lease=10.0, at_dot=10.0, grace=10_000.0)


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def server(clock: Clock) -> Iterator[fakeredis.FakeRedis]:
    with fake_redis(clock) as client:
        yield client
        client.close()


@pytest.fixture
def store(server: fakeredis.FakeRedis) -> Iterator[RedisStore]:
    made = fake_store(hooks=tuple(HookKind), takeover=TAKEOVER)
    yield made
    made.close()


def told(store: RedisStore, kind: HookKind = WEBHOOK) -> list[HookEvent]:
    """What a receiver that takes everything is told."""
    heard: list[HookEvent] = []
    tell_backlog("mail", kind, heard.append, backlog=store.hooks, time_slice=60.0)
    return heard


def names(store: RedisStore) -> list[Told]:
    return [event.name for event in told(store)]


def settle(store: RedisStore, state: MailState, **changes: object) -> str:
    claim = at_dot(store, an_email())
    store.settle([Settlement(claim, state, **changes)])
    return claim.mail_id


def test_a_mail_that_a_relay_has_taken_is_accepted(store: RedisStore) -> None:
    mail_id = settle(store, MailState.SENT, relay="relay.example:25", reply="250 zoe@example.com is fine")
    (event,) = told(store)
    assert (event.name, event.mail_id, event.queue, event.attempt) == (Told.ACCEPTED, mail_id, "mail", 1)
    assert (event.template, event.mail_class, event.relay) == ("welcome", "transactional", "relay.example:25")


def test_no_address_and_no_words_of_a_server_go_along(store: RedisStore, server: fakeredis.FakeRedis) -> None:
    settle(store, MailState.WAITING, fault=GREYLISTED, reply="450 zoe@example.com has to wait")
    (entry,) = server.xrange("notifier:{mail}:hook:webhook")
    event = json.loads(entry[1][b"event"])
    assert "zoe" not in str(entry)
    assert event["fault"] == {
        "taxonomy_id": "R2",
        "error_class": "transient",
        "scope": "recipient",
        "phase": "rcpt",
        "code": 450,
    }


def test_each_edge_that_matters_to_an_application_is_told(store: RedisStore, clock: Clock) -> None:
    settle(store, MailState.WAITING, fault=GREYLISTED, due_in=1000)
    settle(store, MailState.FAILED)
    settle(store, MailState.UNKNOWN)
    assert names(store) == [Told.DEFERRED, Told.FAILED, Told.UNKNOWN]


def test_what_is_the_workers_own_affair_is_not_told(store: RedisStore, clock: Clock) -> None:
    claim = claimed(store, an_email())
    store.settle([Settlement(claim, MailState.WAITING, spent=Spent.NOTHING)])  # handed back
    claimed(store)
    clock.now += 11
    assert store.sweep("mail").leases_over == 1
    legs = {"zoe@example.com": RecipientState.ACCEPTED}
    store.settle([Settlement(at_dot(store), MailState.CLAIMED, recipients=legs)])
    assert names(store) == []


def test_what_the_sweeper_finds_is_told_too(store: RedisStore, clock: Clock) -> None:
    lost = at_dot(store, an_email())
    store.add([late := an_email(expires_at=clock.now + 5)])
    clock.now += 11
    store.sweep("mail")
    assert {(event.name, event.mail_id) for event in told(store)} == {
        (Told.UNKNOWN, lost.mail_id),
        (Told.FAILED, late.id),
    }


def test_without_hooks_nothing_is_written(server: fakeredis.FakeRedis) -> None:
    store = fake_store()
    settle(store, MailState.SENT)
    store.close()
    assert server.keys("*hook*") == []


def test_each_kind_has_a_backlog_of_its_own(store: RedisStore) -> None:
    settle(store, MailState.SENT)
    assert len(told(store)) == len(told(store, HookKind.SIGNAL)) == 1
    assert told(store) == []


@pytest.mark.long
def test_events_are_told_in_their_order_and_with_ids_of_their_own(store: RedisStore) -> None:
    ids = [settle(store, MailState.SENT) for _ in range(25)]
    heard = told(store)
    assert [event.mail_id for event in heard] == ids
    assert len({event.id for event in heard}) == 25


def test_a_receiver_that_fails_is_left_alone_for_longer_each_time_and_hears_it_all(
    store: RedisStore, clock: Clock
) -> None:
    mail_id = settle(store, MailState.SENT)

    def down(event: HookEvent) -> None:
        raise HookFailed("down")

    for wait in (5.0, 10.0, 20.0):
        assert store.hooks.due("mail", WEBHOOK, 1.0)
        tell_backlog("mail", WEBHOOK, down, backlog=store.hooks, time_slice=60.0)
        clock.now += wait - 1
        assert told(store) == []
        assert not store.hooks.due("mail", WEBHOOK, 1.0)
        clock.now += 2
    assert [event.mail_id for event in told(store)] == [mail_id]


def test_an_event_that_is_refused_is_said_and_does_not_hold_up_the_others(
    store: RedisStore, caplog: pytest.LogCaptureFixture
) -> None:
    first, second = settle(store, MailState.SENT), settle(store, MailState.SENT)
    heard = []

    def picky(event: HookEvent) -> None:
        if event.mail_id == first:
            raise HookRefused("answered 422")
        heard.append(event.mail_id)

    tell_backlog("mail", WEBHOOK, picky, backlog=store.hooks, time_slice=60.0)
    assert heard == [second]
    assert f"the webhook refused mail_accepted of mail {first} for good: answered 422" in caplog.text


def test_one_worker_at_a_time_tells(store: RedisStore) -> None:
    settle(store, MailState.SENT)
    assert store.hooks.due("mail", WEBHOOK, 30.0)
    assert not store.hooks.due("mail", WEBHOOK, 30.0), "somebody is on his way"
    _, mine = store.hooks.take("mail", WEBHOOK, "me", 60.0, 10)
    assert len(mine) == 1
    assert store.hooks.take("mail", WEBHOOK, "another", 60.0, 10) == (0, [])
    store.hooks.end("mail", WEBHOOK, "another")
    assert store.hooks.take("mail", WEBHOOK, "another", 60.0, 10) == (0, [])
    store.hooks.end("mail", WEBHOOK, "me")
    assert len(store.hooks.take("mail", WEBHOOK, "another", 60.0, 10)[1]) == 1


def test_the_events_of_a_worker_that_was_killed_are_told_by_another(store: RedisStore, clock: Clock) -> None:
    settle(store, MailState.SENT)
    store.hooks.take("mail", WEBHOOK, "killed", 60.0, 10)
    clock.now += 61
    assert len(told(store)) == 1


@pytest.mark.long  # ten thousand entries
def test_a_backlog_that_is_full_drops_the_oldest_and_says_how_many(
    store: RedisStore, server: fakeredis.FakeRedis, caplog: pytest.LogCaptureFixture
) -> None:
    stream = "notifier:{mail}:hook:webhook"
    settle(store, MailState.SENT)
    ((oldest, fields),) = server.xrange(stream)
    with server.pipeline() as pipeline:
        for _ in range(9_999):
            pipeline.xadd(stream, fields)
        pipeline.execute()
    last = settle(store, MailState.SENT)
    assert server.xlen(stream) == 10_000
    assert server.xrange(stream, count=1)[0][0] != oldest
    server.xtrim(stream, maxlen=1, approximate=False)  # the last is enough to hear of it
    assert [event.mail_id for event in told(store)] == [last]
    assert "1 events of queue mail were dropped: the backlog of the webhook is full" in caplog.text
