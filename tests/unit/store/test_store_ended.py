"""What is left of mails that have ended: one short string, which everything that asks for the mail can read."""

from __future__ import annotations

import json
import re
from importlib.resources import files

import fakeredis
import pytest
from store_conformance import GREYLISTED, an_email, at_dot

from notifier.errors import FenceRejected, IdempotencyConflict, StoreError
from notifier.model.email import Email
from notifier.model.outcome import RecipientState
from notifier.model.state import MailState
from notifier.store import RedisStore
from notifier.store.base import Claim, Settlement
from notifier.store.ended import LEFT, ROW

ENDED, RECORD, HISTORY = "notifier:{mail}:ended:", "notifier:{mail}:mail:", "notifier:{mail}:history:"
REPLY, RELAY = "250 2.0.0 Ok: queued as 4F5B2C1D3E", "smtp.example.com:587"
WEEK = 7 * 86_400_000


def sent(store: RedisStore, email: Email) -> Claim:
    claim = at_dot(store, email)
    store.settle([_settled(claim)])
    return claim


def _settled(claim: Claim) -> Settlement:
    states = dict.fromkeys(claim.recipients, RecipientState.ACCEPTED)
    return Settlement(claim, MailState.SENT, recipients=states, reply=REPLY, relay=RELAY)


def written_before(server: fakeredis.FakeRedis, email: Email) -> None:
    """As an ended mail was kept when it was a hash and a list still."""
    states = json.dumps({one.forward_path: "accepted" for one in email.recipients})
    fields = {"state": "sent", "settled": 1, "fence": 1, "body": email.body_hash, "recipients": states, "created": 5000}
    more = {"due": 5000, "attempt": 1, "crashes": 0, "unknowns": 0, "setbacks": 0, "owner": "worker-1", "resent": 0}
    server.hset(RECORD + email.id, mapping={**fields, **more, "template": email.template, "class": email.mail_class})
    server.rpush(HISTORY + email.id, json.dumps({"at": 6.5, "state": "sent", "attempt": 1, "reply": REPLY}))
    for key in (RECORD, HISTORY):
        server.pexpire(key + email.id, WEEK)


def test_the_script_and_the_reader_have_the_same_order() -> None:
    text = (files("notifier.store") / "lua" / "prelude.lua").read_text(encoding="utf-8")
    for name, order in (("LEFT", LEFT), ("ROW", ROW)):
        found = re.search(rf"^local {name} = {{(.*?)}}", text, re.DOTALL | re.MULTILINE)
        assert found is not None
        assert tuple(re.findall(r"'(\w+)'", found[1])) == order


def test_a_mail_that_was_sent_still_tells_all_that_befell_it(store: RedisStore) -> None:
    email = an_email()
    first = at_dot(store, email)
    store.settle([Settlement(first, MailState.WAITING, fault=GREYLISTED, reply="451 later")])
    store.settle([_settled(at_dot(store))])
    found = store.status(email.id)
    assert found is not None
    assert (found.state, found.attempt, found.crashes, found.due_at) == (MailState.SENT, 2, 0, None)
    assert (found.template, found.mail_class) == ("welcome", "transactional")
    assert found.recipients == {"zoe@example.com": RecipientState.ACCEPTED}
    assert found.last_fault == GREYLISTED
    waiting, last = found.history
    assert (waiting["state"], waiting["reply"]) == ("waiting", "451 later")
    assert last == {"at": last["at"], "state": "sent", "attempt": 2, "reply": REPLY, "relay": RELAY}
    assert last["at"] == pytest.approx(found.created_at, abs=60)


def test_nothing_else_of_it_is_in_the_store(store: RedisStore, server: fakeredis.FakeRedis) -> None:
    claim = sent(store, an_email())
    keys = {key.decode() for key in server.scan_iter(f"*{claim.mail_id}*")}
    assert keys == {ENDED + claim.mail_id}
    assert len(server.get(ENDED + claim.mail_id)) < 240


def test_a_settlement_whose_answer_was_lost_may_be_said_again(store: RedisStore, server: fakeredis.FakeRedis) -> None:
    claim = sent(store, an_email())
    server.pexpire(ENDED + claim.mail_id, 5_000_000)
    store.settle([_settled(claim)])
    assert 0 < server.pttl(ENDED + claim.mail_id) <= 5_000_000


def test_a_mail_that_ended_otherwise_takes_no_settlement(store: RedisStore) -> None:
    email = an_email(mail_class="bulk")
    claim = at_dot(store, email)
    store.settle([Settlement(claim, MailState.WAITING)])
    assert store.cancel(email.id) is MailState.CANCELLED
    with pytest.raises(FenceRejected):
        store.settle([Settlement(at_dot(store, an_email()), MailState.SENT), _of(claim, fence=claim.fence + 1)])
    found = store.status(email.id)
    assert found is not None
    assert found.state is MailState.CANCELLED


def _of(claim: Claim, *, fence: int) -> Settlement:
    return Settlement(Claim(claim.email, fence, claim.recipients, 0, 0, 0, 60.0), MailState.SENT)


@pytest.mark.parametrize("before", [False, True], ids=["as it is kept now", "as it was kept before"])
class TestHoweverItIsKept:
    @pytest.fixture
    def email(self, store: RedisStore, server: fakeredis.FakeRedis, *, before: bool) -> Email:
        email = an_email()
        if before:
            store.add([an_email()])  # a queue that the ledger knows
            written_before(server, email)
        else:
            sent(store, email)
        return email

    def test_the_status_is_known(self, store: RedisStore, email: Email) -> None:
        found = store.status(email.id)
        assert found is not None
        assert (found.state, found.attempt) == (MailState.SENT, 1)
        assert [entry["reply"] for entry in found.history] == [REPLY]

    def test_the_same_mail_is_not_taken_a_second_time(self, store: RedisStore, email: Email) -> None:
        (again,) = store.add([email]).added
        assert again.existing
        with pytest.raises(IdempotencyConflict):
            store.add([an_email("ann@example.com", id=email.id)])

    def test_nobody_moves_it_any_more(self, store: RedisStore, email: Email) -> None:
        assert store.cancel(email.id) is MailState.SENT
        assert store.reschedule(email.id, 4_000_000_000.0) is MailState.SENT
        assert store.resolve(email.id, MailState.SENT) is MailState.SENT
        with pytest.raises(StoreError, match="from sent to waiting"):
            store.resolve(email.id, MailState.WAITING)

    def test_it_can_be_purged(self, store: RedisStore, server: fakeredis.FakeRedis, email: Email) -> None:
        assert store.purge("zoe@example.com").purged == (email.id,)
        assert 0 < server.pttl(ENDED + email.id) <= WEEK
        assert b"zoe" not in server.get(ENDED + email.id)
        assert not server.exists(RECORD + email.id, HISTORY + email.id)
