"""A mail whose deadline passes while a worker has it: that was stopped, or its relay slow. A late code is worse than none."""

from __future__ import annotations

import time

import pytest
from fake_ledger import Clock
from store_conformance import an_email, claimed, history_of, state_of

from notifier.errors import FenceRejected
from notifier.model.state import MailState
from notifier.store import RedisStore


def test_it_has_no_dot_and_the_others_go_on(store: RedisStore, clock: Clock) -> None:
    late, other = an_email(expires_at=clock.now + 60, mail_class="otp", queue="mail"), an_email()
    store.add([late, other])
    claims = store.claim("mail", "worker-1", 2)
    clock.now += 61
    with pytest.raises(FenceRejected) as error:
        store.begin_dot(claims)
    assert error.value.mail_ids == (late.id,)
    assert (state_of(store, late.id), state_of(store, other.id)) == (MailState.EXPIRED, MailState.CLAIMED)
    assert history_of(store, late.id) == ["expired"]
    store.begin_dot([claim for claim in claims if claim.mail_id == other.id])


def test_one_that_is_at_its_dot_in_time_stays_there(store: RedisStore, clock: Clock) -> None:
    claim = claimed(store, an_email(expires_at=clock.now + 60))
    store.begin_dot([claim])
    clock.now += 61
    store.begin_dot([claim])
    assert state_of(store, claim.mail_id) is MailState.AT_DOT


def test_a_claim_knows_by_its_own_clock_until_when_it_is_worth_anything(store: RedisStore, clock: Clock) -> None:
    before = time.monotonic()
    claim = claimed(store, an_email(expires_at=clock.now + 60))
    assert before + 60 <= claim.until + 0.001 <= time.monotonic() + 60.001
