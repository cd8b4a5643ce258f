"""After an outage of the ledger its workers get time to tell what they have read, before it is called unknown."""

from __future__ import annotations

from collections.abc import Callable

from fake_ledger import Clock
from store_conformance import an_email, at_dot, state_of

from notifier.model.state import MailState
from notifier.store import RedisStore
from notifier.store.base import Takeover

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


def test_where_sweeps_went_on_there_is_no_grace(make_store: Callable[..., RedisStore], clock: Clock) -> None:
    store = make_store(takeover=TAKEOVER)
    store.sweep("mail")
    at_dot(store, an_email())
    assert [swept_unknown(store, clock, 6.0) for _ in range(2)] == [0, 1]


def test_the_first_sweep_of_a_ledger_knows_of_no_outage(make_store: Callable[..., RedisStore], clock: Clock) -> None:
    store = make_store(takeover=TAKEOVER)
    at_dot(store, an_email())
    assert swept_unknown(store, clock, 600.0) == 1
