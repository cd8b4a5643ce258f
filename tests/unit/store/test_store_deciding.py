"""Decisions on many mails at once: each has its answer, and none is left out for what moves meanwhile."""

from __future__ import annotations

import pytest
from store_conformance import GREYLISTED, added, an_email, claimed, state_of

from notifier.errors import MailNotFound, StoreError
from notifier.model.state import MailState
from notifier.store import RedisStore
from notifier.store.base import Settlement

NOBODY = "01a213c5-485b-7d6d-998b-f2f8b0233b78"


def failed(store: RedisStore, queue: str = "mail") -> str:
    claim = claimed(store, an_email(queue=queue), queue)
    store.settle([Settlement(claim, MailState.FAILED, fault=GREYLISTED)])
    return claim.mail_id


def test_each_has_its_answer_in_the_order_of_the_question(store: RedisStore) -> None:
    dead, other = failed(store), failed(store, "mail.bulk")
    (waiting,) = added(store, an_email())
    answers = list(store.resolve_each([NOBODY, dead, waiting, other], MailState.DISCARDED, due_in=[0.0] * 4))
    assert isinstance(answers[0], MailNotFound)
    assert isinstance(answers[2], StoreError)
    assert "from waiting to discarded" in str(answers[2])
    assert [answers[1], answers[3]] == [MailState.DISCARDED] * 2
    assert [state_of(store, one) for one in (dead, waiting, other)] == ["discarded", "waiting", "discarded"]


def test_one_that_would_expire_before_its_new_time_does_not_keep_the_others(store: RedisStore) -> None:
    short, long = added(store, an_email(mail_class="otp"), an_email(mail_class="report"))
    found = store.status(short)
    assert found is not None
    refused, done = store.reschedule_each([short, long], found.created_at + 3600)
    assert "would expire" in str(refused)
    assert done is MailState.WAITING


def test_more_than_one_portion_is_decided(store: RedisStore, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("notifier.store.deciding.PORTION", 2)
    ids = added(store, *(an_email() for _ in range(5)))
    assert list(store.cancel_each(ids)) == [MailState.CANCELLED] * 5


def test_a_store_that_never_had_a_mail_knows_none(store: RedisStore) -> None:
    (answer,) = store.cancel_each([NOBODY])
    assert isinstance(answer, MailNotFound)


def test_what_stays_in_a_state_is_found_whatever_leaves_it_meanwhile(
    store: RedisStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Pages by rank left out as many as a worker had claimed between two of them."""
    monkeypatch.setattr("notifier.store.redis_store.PAGE", 2)
    added(store, *(an_email() for _ in range(8)))
    ids = [mail.mail_id for mail in store.list_mails("mail", MailState.WAITING)]
    found, gone = [], []
    for mail in store.mails_that_stay("mail", MailState.WAITING):
        found.append(mail.mail_id)
        gone += [claim.mail_id for claim in store.claim("mail", "worker-1", 1)]
    assert set(ids) == {*found, *gone}
    assert found == [one for one in ids if one in found], "oldest first"
