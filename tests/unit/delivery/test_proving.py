from __future__ import annotations

import logging
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace

import pytest
from fake_ledger import fake_redis, fake_store
from store_conformance import LOST_REPLY, OR_AGAIN, an_email, at_dot, state_of

from notifier.delivery.proving import Asker, look_for_proof
from notifier.model.address import Address
from notifier.model.events import Event, MailSettled
from notifier.model.mail_class import SHIPPED_CLASSES
from notifier.model.outcome import RecipientState
from notifier.model.proof import Answers, EvidenceSource, Inquiry, Proof
from notifier.model.state import MailState
from notifier.store import RedisStore
from notifier.store.base import Settlement

SENDER = Address.parse("shop@example.com")
ZOE, BOB = "zoe@example.com", "bob@example.com"


@pytest.fixture
def store() -> Iterator[RedisStore]:
    with fake_redis():
        made = fake_store(classes={**SHIPPED_CLASSES, "proven": replace(OR_AGAIN, name="proven")})
        yield made
        made.close()


def unknown(store: RedisStore, *to: str) -> str:
    claim = at_dot(store, an_email(*to or (ZOE,), mail_class="proven"))
    lost = dict.fromkeys(claim.recipients, RecipientState.UNKNOWN)
    store.settle([Settlement(claim, MailState.UNKNOWN, recipients=lost, fault=LOST_REPLY)])
    return claim.mail_id


class Saying:
    """A source that always says the same, and keeps what it was asked."""

    def __init__(self, proof: object) -> None:
        self.proof = proof
        self.asked: list[Inquiry] = []

    def __call__(self, asked: Sequence[Inquiry], /) -> Answers:
        self.asked += asked
        return {} if self.proof is None else {one.mail_id: self.proof for one in asked}  # type: ignore[misc]


def look(
    store: RedisStore, asker: Asker | None = None, timeout: float = 60.0, **sources: EvidenceSource
) -> list[Event]:
    events: list[Event] = []
    look_for_proof(
        "mail",
        sources,
        proofs=store.proofs,
        asker=asker or Asker(),
        timeout=timeout,
        default_sender=SENDER,
        listener=events.append,
    )
    return events


def test_a_source_hears_what_it_can_look_for(store: RedisStore) -> None:
    mail_id, source = unknown(store), Saying(None)
    assert look(store, source=source) == []
    (asked,) = source.asked
    assert asked.message_id == f"<{mail_id}@example.com>"
    assert (asked.mail_id, asked.envelope_id, asked.recipients) == (mail_id, mail_id, (ZOE,))
    assert state_of(store, mail_id) is MailState.UNKNOWN


def test_the_first_who_knows_decides_and_it_is_told(store: RedisStore) -> None:
    mail_id, last = unknown(store), Saying(Proof.REFUSED)
    (event,) = look(store, nobody=Saying(None), provider=Saying(Proof.DELIVERED), last=last)
    assert isinstance(event, MailSettled)
    assert (event.mail_id, event.state, event.attempt) == (mail_id, MailState.SENT, 1)
    assert last.asked == []
    status = store.status(mail_id)
    assert status is not None
    assert status.history[-1]["why"] == "provider says: delivered"


def test_the_next_source_is_asked_for_whom_the_first_did_not_know(store: RedisStore) -> None:
    mail_id = unknown(store, ZOE, BOB)
    first, second = Saying({ZOE: "delivered", "other@example.com": "refused"}), Saying("not_delivered")
    look(store, first=first, second=second)
    assert second.asked[0].recipients == (BOB,)
    status = store.status(mail_id)
    assert status is not None
    assert (status.state, status.recipients) == (MailState.WAITING, {ZOE: "accepted", BOB: "pending"})


def raising(asked: Sequence[Inquiry], /) -> Answers:
    raise ConnectionError("the provider is down")


@pytest.mark.parametrize(
    ("source", "words"),
    [(raising, "the provider is down"), (Saying("perhaps"), "what is no proof"), (lambda asked: None, "")],
)
def test_a_source_that_fails_is_logged_and_the_others_are_asked(
    store: RedisStore, caplog: pytest.LogCaptureFixture, source: EvidenceSource, words: str
) -> None:
    mail_id = unknown(store)
    with caplog.at_level(logging.WARNING):
        look(store, bad=source, good=Saying(Proof.DELIVERED))
    assert state_of(store, mail_id) is MailState.SENT
    assert words in caplog.text


@contextmanager
def hanging() -> Iterator[EvidenceSource]:
    over = threading.Event()
    asked_once: list[None] = []

    def source(asked: Sequence[Inquiry], /) -> Mapping[str, Proof]:
        asked_once.append(None)
        over.wait(60)
        return dict.fromkeys([one.mail_id for one in asked], Proof.REFUSED)

    source.times = asked_once  # type: ignore[attr-defined]
    yield source
    over.set()


def test_a_source_that_hangs_has_its_time_and_is_not_asked_again_meanwhile(
    store: RedisStore, caplog: pytest.LogCaptureFixture
) -> None:
    first, asker = unknown(store), Asker()
    with hanging() as source:
        look(store, asker, timeout=0.01, hangs=source)
        assert "has not answered within" in caplog.text
        look(store, asker, timeout=0.01, hangs=source, good=Saying(Proof.DELIVERED))
        assert "is not asked again yet" in caplog.text
        assert len(source.times) == 1  # type: ignore[attr-defined]
    assert state_of(store, first) is MailState.SENT


def test_nobody_is_asked_where_no_mail_waits_for_proof(store: RedisStore) -> None:
    source = Saying(Proof.DELIVERED)
    assert look(store, source=source) == []
    assert source.asked == []
