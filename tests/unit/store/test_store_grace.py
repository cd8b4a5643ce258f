"""After an outage of the ledger its workers get time to tell what they have read, before it is called unknown."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from fake_ledger import Clock
from store_conformance import HOUR, LOST_REPLY, PROVEN, an_email, at_dot, state_of

from notifier.model.mail_class import SHIPPED_CLASSES
from notifier.model.state import MailState
from notifier.store import RedisStore
from notifier.store.base import Settlement, Takeover
from notifier.store.redis_store import SWEEP_LIMIT

TAKEOVER = Takeover(at_dot=10.0, grace=20.0)


def swept_unknown(store: RedisStore, clock: Clock, seconds: float) -> int:
    """How many a sweep calls unknown, so many seconds later."""
    clock.now += seconds
    return store.sweep("mail").unknown


def test_mails_at_the_dot_get_the_grace_where_nobody_swept_for_long(
    make_store: Callable[..., RedisStore], clock: Clock
) -> None:
    store = make_store(takeover=TAKEOVER)
    store.sweep("mail")
    claim = at_dot(store, an_email())
    assert swept_unknown(store, clock, 21.0) == 0
    assert state_of(store, claim.mail_id) is MailState.AT_DOT
    assert swept_unknown(store, clock, 19.0) == 0
    assert swept_unknown(store, clock, 2.0) == 1


def test_so_do_those_whose_time_is_over_a_moment_later(make_store: Callable[..., RedisStore], clock: Clock) -> None:
    store = make_store(takeover=TAKEOVER)
    store.sweep("mail")
    clock.now += 15.0
    at_dot(store, an_email())  # until 25 seconds
    assert [swept_unknown(store, clock, 6.0) for _ in range(5)] == [0, 0, 0, 0, 1]


@pytest.mark.long  # five hundred mails
def test_it_is_for_each_of_them_however_many(make_store: Callable[..., RedisStore], clock: Clock) -> None:
    """More than a sweep takes over at once."""
    store = make_store(takeover=TAKEOVER)
    store.sweep("mail")
    store.add([an_email() for _ in range(SWEEP_LIMIT + 1)])
    store.begin_dot(store.claim("mail", "worker-1", SWEEP_LIMIT + 1))
    assert swept_unknown(store, clock, 21.0) == 0


def test_sweeps_that_are_rarer_than_it_put_nothing_off_for_ever(
    make_store: Callable[..., RedisStore], clock: Clock
) -> None:
    """Beat's, of a queue whose workers are all gone."""
    store = make_store(takeover=TAKEOVER)
    store.sweep("mail")
    at_dot(store, an_email())
    assert [swept_unknown(store, clock, 60.0) for _ in range(4)] == [0, 0, 0, 1]


def test_proof_can_be_asked_for_before_it_is_too_late(make_store: Callable[..., RedisStore], clock: Clock) -> None:
    store = make_store(takeover=TAKEOVER, classes={**SHIPPED_CLASSES, "proven": PROVEN})
    store.sweep("mail")
    claim = at_dot(store, an_email(mail_class="proven", queue="mail"))
    store.settle([Settlement(claim, MailState.UNKNOWN, fault=LOST_REPLY)])
    clock.now += 2 * HOUR
    store.sweep("mail")
    assert state_of(store, claim.mail_id) is MailState.UNKNOWN
    for _ in range(5):
        clock.now += 15.0
        store.sweep("mail")
    assert state_of(store, claim.mail_id) is MailState.PARKED


def test_where_sweeps_went_on_there_is_no_grace(make_store: Callable[..., RedisStore], clock: Clock) -> None:
    store = make_store(takeover=TAKEOVER)
    store.sweep("mail")
    at_dot(store, an_email())
    assert [swept_unknown(store, clock, 6.0) for _ in range(2)] == [0, 1]


def test_the_first_sweep_of_a_ledger_knows_of_no_outage(make_store: Callable[..., RedisStore], clock: Clock) -> None:
    store = make_store(takeover=TAKEOVER)
    at_dot(store, an_email())
    assert swept_unknown(store, clock, 600.0) == 1
