from __future__ import annotations

from dataclasses import replace
from unittest import mock

import fakeredis
import pytest
from fake_ledger import Clock
from store_conformance import added, an_email, at_dot, claimed

from notifier.errors import ErrorClass, Fault, FenceRejected, Phase, Scope, StoreError, StoreUnavailable
from notifier.model.outcome import RecipientState
from notifier.model.state import MailState
from notifier.model.suppression import Suppression
from notifier.store import RedisStore
from notifier.store.base import Settlement
from notifier.store.connection import LedgerConnection
from notifier.store.suppression import PAGE, SuppressionList

DAY = 86_400.0
ZOE = "zoe@example.com"
NO_SUCH_USER = Fault("R7", ErrorClass.PERMANENT, Scope.RECIPIENT, Phase.RCPT, "5.1.1 no such user", 550, "5.1.1")
NO_SUCH_DOMAIN = Fault("D2", ErrorClass.PERMANENT, Scope.RECIPIENT, Phase.DNS, "no domain", enhanced="5.1.2")


def refused(store: RedisStore, fault: Fault = NO_SUCH_USER) -> str:
    claim = claimed(store, an_email(ZOE))
    states = {ZOE: RecipientState.REFUSED}
    store.settle([Settlement(claim, MailState.FAILED, recipients=states, fault=fault, wrong_addresses={ZOE: fault})])
    return claim.mail_id


def test_an_entry_says_why_since_when_and_until_when(store: RedisStore, clock: Clock) -> None:
    store.suppression.add("Zoe@Example.com", "asked for it", lasts=DAY)
    (entry,) = store.suppression.all()
    assert entry == Suppression(ZOE, "asked for it", pytest.approx(clock.now), pytest.approx(clock.now + DAY))
    assert store.suppression.of([ZOE, "ann@example.com"]) == {ZOE: entry}


def test_an_entry_whose_time_is_over_counts_no_more_and_is_forgotten(
    store: RedisStore, server: fakeredis.FakeRedis, clock: Clock
) -> None:
    store.suppression.add(ZOE, "full", lasts=DAY)
    store.suppression.add("ann@example.com", "asked for it")
    clock.now += DAY + 1
    assert store.suppressed([ZOE, "ann@example.com"]) == {"ann@example.com": "asked for it"}
    assert [entry.address for entry in store.suppression.all()] == ["ann@example.com"]
    store.collect_blobs()  # once a minute
    assert server.hkeys("notifier:suppressed") == [b"ann@example.com"]


def test_an_entry_that_is_made_lasting_does_not_end(store: RedisStore, clock: Clock) -> None:
    store.suppression.add(ZOE, "full", lasts=DAY)
    store.suppression.add(ZOE, "asked for it")
    clock.now += 400 * DAY
    store.suppression.forget_expired()
    assert store.suppressed([ZOE]) == {ZOE: "asked for it"}


def test_what_is_removed_is_mailed_again(store: RedisStore) -> None:
    store.suppress(ZOE, "by hand")
    assert (store.suppression.remove("ZOE@example.com"), store.suppression.remove(ZOE)) == (True, False)
    assert store.suppressed([ZOE]) == {}


def test_a_long_list_is_told_whole(store: RedisStore) -> None:
    for number in range(PAGE + 10):
        store.suppression.add(f"{number}@example.com", "by hand")
    assert len({entry.address for entry in store.suppression.all()}) == PAGE + 10


def test_an_address_that_was_refused_for_good_is_not_mailed_for_a_month(store: RedisStore, clock: Clock) -> None:
    mail_id = refused(store)
    entry = store.suppression.of([ZOE])[ZOE]
    assert (entry.mail_id, entry.until) == (mail_id, pytest.approx(clock.now + 30 * DAY, abs=5))
    assert "5.1.1 no such user" in entry.reason


def test_a_domain_that_is_not_there_may_be_there_tomorrow(store: RedisStore, clock: Clock) -> None:
    refused(store, NO_SUCH_DOMAIN)
    clock.now += DAY + 1
    assert store.suppressed([ZOE]) == {}


def test_a_refusal_does_not_shorten_what_a_person_has_said(store: RedisStore) -> None:
    store.suppress(ZOE, "by hand")
    store.suppression.learn(ZOE, "no such user", lasts=DAY, mail_id="1")
    assert store.suppression.of([ZOE])[ZOE].until is None


def test_a_list_that_cannot_be_written_is_not_in_the_way_of_a_settlement(
    store: RedisStore, caplog: pytest.LogCaptureFixture
) -> None:
    with mock.patch.object(SuppressionList, "learn", side_effect=StoreUnavailable("away")):
        mail_id = refused(store)
    found = store.status(mail_id)
    assert found is not None
    assert found.state is MailState.FAILED
    assert "not on the suppression list: away" in caplog.text


def test_whoever_is_on_the_list_at_the_call_is_told_so_at_once_and_not_mailed(store: RedisStore) -> None:
    store.suppress(ZOE, "by hand")
    email = an_email("Zoe@example.com", "ann@example.com")
    added(store, email)
    found = store.status(email.id)
    assert found is not None
    assert found.recipients == {"Zoe@example.com": "suppressed", "ann@example.com": "pending"}
    assert claimed(store).recipients["Zoe@example.com"] is RecipientState.SUPPRESSED


def test_an_entry_whose_time_is_over_is_in_no_claims_way(store: RedisStore, clock: Clock) -> None:
    added(store, an_email(ZOE))
    store.suppression.add(ZOE, "full", lasts=60)
    clock.now += 61
    assert claimed(store).recipients == {ZOE: "pending"}


def test_a_record_that_cannot_be_read_keeps_nobody_else_from_being_screened(
    store: RedisStore, server: fakeredis.FakeRedis
) -> None:
    broken, other = an_email("ann@example.com"), an_email(ZOE)
    added(store, broken, other)
    server.hset(f"notifier:{{mail}}:mail:{broken.id}", "recipients", "no JSON")
    store.suppress(ZOE, "by hand")
    (claim,) = store.claim("mail", "worker-1", 10)
    assert (claim.mail_id, claim.recipients) == (other.id, {ZOE: "suppressed"})


def test_recipients_of_a_claim_are_in_the_mails_order_whoever_of_them_is_on_the_list(store: RedisStore) -> None:
    paths = [f"u{number}@example.com" for number in range(12)]
    added(store, an_email(*paths))
    store.suppress(paths[5], "by hand")
    assert list(claimed(store).recipients) == paths


def test_an_entry_that_cannot_be_read_counts_at_the_call_and_when_it_is_asked_for(
    store: RedisStore, server: fakeredis.FakeRedis
) -> None:
    server.hset("notifier:suppressed", mapping={ZOE: "no JSON", "zoë@example.com": "[]"})
    added(store, an_email(ZOE))
    assert claimed(store).recipients == {ZOE: "suppressed"}
    assert "cannot be read" in store.suppressed(["zoë@example.com"])["zoë@example.com"]
    assert {entry.until for entry in store.suppression.all()} == {None}


def test_a_list_that_is_none_fails_the_claim_with_nothing_claimed(
    store: RedisStore, server: fakeredis.FakeRedis
) -> None:
    email = an_email(ZOE)
    added(store, email)
    server.set("notifier:suppressed", "no hash")
    with pytest.raises(StoreError):
        store.claim("mail", "worker-1", 10)
    server.delete("notifier:suppressed")
    assert claimed(store).fence == 1


def test_an_entry_that_cannot_be_read_counts_and_keeps_no_other_mail_up(
    store: RedisStore, server: fakeredis.FakeRedis
) -> None:
    added(store, an_email(ZOE), an_email("ann@example.com"))
    server.hset("notifier:suppressed", ZOE, "no JSON")
    states = [state for claim in store.claim("mail", "worker-1", 10) for state in claim.recipients.items()]
    assert dict(states) == {ZOE: "suppressed", "ann@example.com": "pending"}


def test_a_zombie_teaches_nothing(store: RedisStore) -> None:
    claim = at_dot(store, an_email(ZOE))
    store.settle([Settlement(claim, MailState.SENT)])
    zombie = Settlement(replace(claim, fence=7), MailState.FAILED, wrong_addresses={ZOE: NO_SUCH_USER})
    with pytest.raises(FenceRejected):
        store.settle([zombie])
    assert store.suppressed([ZOE]) == {}


def test_an_entry_of_a_list_is_told_with_its_list(store: RedisStore) -> None:
    entry = store.suppression.add("Zoe@example.com", "unsubscribed", mailing_list="default/bulk", mail_id="1")
    assert list(store.suppression.all()) == [entry]
    assert (entry.address, entry.mailing_list) == (ZOE, "default/bulk")
    assert store.suppression.of([ZOE]) == {}
    assert store.suppression.of([ZOE], "default/bulk") == {ZOE: entry}


def test_an_entry_of_a_list_goes_alone(store: RedisStore) -> None:
    store.suppression.add(ZOE, "by hand")
    store.suppression.add(ZOE, "unsubscribed", mailing_list="default/bulk", lasts=DAY)
    assert store.suppression.remove(ZOE, "default/bulk")
    assert [entry.reason for entry in store.suppression.all()] == ["by hand"]
    assert not store.suppression.remove(ZOE, "default/bulk")


def test_an_entry_of_a_list_ends_when_its_time_is_over(
    store: RedisStore, server: fakeredis.FakeRedis, clock: Clock
) -> None:
    store.suppression.add(ZOE, "unsubscribed", mailing_list="default/bulk", lasts=DAY)
    clock.now += DAY + 1
    store.suppression.forget_expired()
    assert server.hkeys("notifier:suppressed") == []


def test_an_unsubscription_is_on_disk_when_it_is_told(store: RedisStore) -> None:
    with mock.patch.object(LedgerConnection, "run", autospec=True, side_effect=LedgerConnection.run) as run:
        store.suppression.add(ZOE, "unsubscribed", mailing_list="default/bulk")
    assert run.call_args.kwargs == {"durably": True}
