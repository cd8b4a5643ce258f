from __future__ import annotations

from collections.abc import Callable

import fakeredis
import pytest
from fake_ledger import Clock
from store_conformance import GREYLISTED, added, an_email, at_dot, claimed

from notifier.errors import IdempotencyConflict
from notifier.model.email import AttachmentRef
from notifier.model.outcome import RecipientState
from notifier.model.state import MailState
from notifier.store import RedisStore
from notifier.store.base import Purged, Settlement
from notifier.store.blobs.outsourced import LARGE

DAY = 86_400.0
ZOE, ANN = "zoe@example.com", "ann@example.com"
NOTHING = Purged(ZOE, (), (), ())


def sent(store: RedisStore, *to: str, **more: object) -> str:
    claim = at_dot(store, an_email(*to, **more))
    states = dict.fromkeys(claim.recipients, RecipientState.ACCEPTED)
    reply = f"250 queued for {to[0]}"
    store.settle([Settlement(claim, MailState.SENT, recipients=states, reply=reply, relay="relay:25")])
    return claim.mail_id


def everything(server: fakeredis.FakeRedis) -> str:
    read = {
        b"hash": server.hgetall,
        b"list": lambda key: server.lrange(key, 0, -1),
        b"set": server.smembers,
        b"string": server.get,
        b"zset": lambda key: server.zrange(key, 0, -1),
    }
    return " ".join(repr(read[server.type(key)](key)) for key in server.scan_iter())


def test_of_a_person_whose_mails_have_ended_nothing_is_left(store: RedisStore, server: fakeredis.FakeRedis) -> None:
    ref = AttachmentRef("a.pdf", "application/pdf", store.put_blob(b"%PDF"), 4)
    mail_id = sent(store, ZOE, attachments=(ref,))
    assert store.purge(ZOE) == Purged(ZOE, (mail_id,), (), ())
    assert "zoe" not in everything(server).lower()
    assert server.hgetall("notifier:{mail}:refs") == {}
    assert server.zcard("notifier:{mail}:over") == 0
    found = store.status(mail_id)
    assert found is not None
    assert (found.state, found.recipients) == (MailState.SENT, {"[purged]": "accepted"})
    assert found.history[-1] == {"at": found.history[-1]["at"], "state": "sent", "attempt": 1, "relay": "relay:25"}


def test_a_dead_letter_is_discarded_with_all_that_it_was_kept_for(
    store: RedisStore, server: fakeredis.FakeRedis
) -> None:
    claim = claimed(store, an_email("Zoe@example.com", context={"text": "z" * LARGE}))
    composed = b"To: Zoe@example.com\r\n\r\n" + b"y" * LARGE
    store.settle([Settlement(claim, MailState.FAILED, fault=GREYLISTED, composed=composed)])
    assert store.purge(ZOE) == Purged(ZOE, (), (claim.mail_id,), ())
    found = store.status(claim.mail_id)
    assert found is not None
    assert (found.state, found.recipients) == (MailState.DISCARDED, {"[purged]": "pending"})
    assert found.last_fault is not None
    assert (found.last_fault.taxonomy_id, found.last_fault.text) == ("R2", "")
    assert store.list_mails("mail", MailState.FAILED) == []
    assert not server.hexists(f"notifier:{{mail}}:mail:{claim.mail_id}", "payload")
    assert server.hgetall("notifier:{mail}:refs") == {}


@pytest.mark.parametrize("state", [MailState.WAITING, MailState.CLAIMED, MailState.AT_DOT, MailState.PARKED])
def test_a_mail_that_is_on_its_way_is_named_and_left_alone(store: RedisStore, state: MailState) -> None:
    email = an_email(ZOE, mail_class="bulk")
    added(store, email)
    if state is not MailState.WAITING:
        claim = claimed(store)
    if state in (MailState.AT_DOT, MailState.PARKED):
        store.begin_dot([claim])
    if state is MailState.PARKED:
        store.settle([Settlement(claim, MailState.UNKNOWN)])
    assert store.purge(ZOE) == Purged(ZOE, (), (), (email.id,))
    found = store.status(email.id)
    assert found is not None
    assert (found.state, list(found.recipients)) == (state, [ZOE])


def test_others_keep_what_is_theirs(store: RedisStore) -> None:
    hers, both = sent(store, ANN), sent(store, ZOE, ANN)
    assert store.purge(ZOE).purged == (both,)
    shared, own = store.status(both), store.status(hers)
    assert shared is not None
    assert own is not None
    assert set(shared.recipients) == {ANN, "[purged]"}
    assert own.history[-1]["reply"] == f"250 queued for {ANN}"
    assert set(store.purge(ANN).purged) == {both, hers}
    again = store.status(both)
    assert again is not None
    assert set(again.recipients) == {"[purged]", "[purged 2]"}


def test_the_same_call_is_still_the_same_mail(store: RedisStore) -> None:
    email = an_email(ZOE, idempotency_key="welcome-42")
    store.settle([Settlement(at_dot(store, email), MailState.SENT)])
    store.purge(ZOE)
    (again,) = store.add([an_email(ZOE, idempotency_key="welcome-42")]).added
    assert (again.mail_id, again.existing) == (email.id, True)
    with pytest.raises(IdempotencyConflict):
        store.add([an_email(ANN, idempotency_key="welcome-42")])
    assert store.claim("mail", "worker-1", 10) == []


def test_a_purged_mail_is_forgotten_when_its_time_comes_and_not_later(
    store: RedisStore, server: fakeredis.FakeRedis
) -> None:
    mail_id = sent(store, ZOE)
    server.pexpire(f"notifier:{{mail}}:ended:{mail_id}", 5_000_000)
    store.purge(ZOE)
    assert 0 < server.pttl(f"notifier:{{mail}}:ended:{mail_id}") <= 5_000_000


def test_every_queue_is_looked_at_and_no_other_ledger(store: RedisStore, make_store: Callable[..., RedisStore]) -> None:
    here, there = an_email(ZOE, queue="mail.bulk"), an_email(ZOE)
    store.settle([Settlement(at_dot(store, here, "mail.bulk"), MailState.SENT)])
    other = make_store(namespace="another")
    other.settle([Settlement(at_dot(other, there), MailState.SENT)])
    assert store.purge(ZOE).purged == (here.id,)
    assert other.purge(ZOE).purged == (there.id,)


def test_whoever_was_never_mailed_is_purged_of_nothing(store: RedisStore, clock: Clock) -> None:
    sent(store, ANN)
    assert store.purge(ZOE) == NOTHING
    assert store.purge("*") == Purged("*", (), (), ())
