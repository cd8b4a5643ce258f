"""What the scripts count where it happens: every edge, the window of unknown outcomes, what was not sent twice."""

from __future__ import annotations

from collections.abc import Mapping

import fakeredis
import pytest
from fake_ledger import Clock
from store_conformance import GREYLISTED, LOST_REPLY, added, an_email, at_dot, claimed

from notifier.errors import FenceRejected
from notifier.model.outcome import RecipientState
from notifier.model.proof import Proof
from notifier.model.state import MailState
from notifier.store import RedisStore
from notifier.store.base import Settlement
from notifier.store.standing import Standing

S = MailState


def standing(store: RedisStore) -> Standing:
    (found,) = store.standing.of(["mail"])
    return found


def counted(store: RedisStore) -> Mapping[str, int]:
    return standing(store).counted


def test_every_edge_of_a_mail_is_counted_once(store: RedisStore) -> None:
    store.settle([Settlement(at_dot(store, an_email()), S.SENT)])
    store.settle([Settlement(claimed(store, an_email()), S.WAITING, fault=GREYLISTED, due_in=60)])
    assert counted(store) == {
        "edge new waiting": 2,
        "edge waiting claimed": 2,
        "edge claimed at_dot": 1,
        "edge at_dot sent": 1,
        "edge claimed waiting": 1,
    }


def test_what_is_said_twice_is_counted_once(store: RedisStore) -> None:
    claim = at_dot(store, an_email())
    store.begin_dot([claim])
    for _ in range(2):
        store.settle([Settlement(claim, S.SENT)])
    assert counted(store)["edge claimed at_dot"] == 1
    assert counted(store)["edge at_dot sent"] == 1


def test_a_mail_enqueued_again_is_a_duplicate_that_was_suppressed(store: RedisStore) -> None:
    email = an_email()
    added(store, email, email)
    assert counted(store)["duplicate"] == 1


def test_an_unknown_outcome_has_its_row_and_what_became_of_it(store: RedisStore) -> None:
    store.settle([Settlement(at_dot(store, an_email()), S.UNKNOWN, fault=LOST_REPLY)])
    parked = at_dot(store, an_email(mail_class="bulk"))
    store.settle([Settlement(parked, S.UNKNOWN, fault=LOST_REPLY)])
    found = counted(store)
    assert found["unknown Z5"] == 2
    assert (found["resolved resent"], found["resolved parked"]) == (1, 1)
    store.resolve(parked.mail_id, S.DISCARDED)
    assert counted(store)["resolved person"] == 1


def test_a_worker_that_ended_at_the_dot_is_a_cause_of_its_own(store: RedisStore, clock: Clock) -> None:
    at_dot(store, an_email(mail_class="bulk"))
    clock.now += 800
    store.sweep("mail")
    clock.now += 60  # nobody had swept before: the workers got their grace
    store.sweep("mail")
    assert counted(store)["unknown Z8"] == 1


def test_proof_resolves_an_unknown_outcome(store: RedisStore) -> None:
    email = an_email(mail_class="bulk")
    store.settle(
        [
            Settlement(
                at_dot(store, email),
                S.UNKNOWN,
                fault=LOST_REPLY,
                recipients={one.forward_path: RecipientState.UNKNOWN for one in email.recipients},
            )
        ]
    )
    store.proofs.take(
        "mail", email.id, dict.fromkeys([one.forward_path for one in email.recipients], Proof.DELIVERED), "a log"
    )
    assert counted(store)["resolved proof"] == 1


def test_a_claim_that_is_another_workers_now_is_counted_at_the_dot_and_at_the_settlement(
    store: RedisStore, clock: Clock
) -> None:
    lost = claimed(store, an_email())
    clock.now += 600
    store.sweep("mail")
    store.claim("mail", "worker-2", 1)
    for step in (lambda: store.begin_dot([lost]), lambda: store.settle([Settlement(lost, S.WAITING)])):
        with pytest.raises(FenceRejected):
            step()
    assert (counted(store)["fence dot"], counted(store)["fence settlement"]) == (1, 1)


def test_how_a_queue_stands_is_told_by_the_servers_clock(
    store: RedisStore, server: fakeredis.FakeRedis, clock: Clock
) -> None:
    server.zadd("notifier:{mail}:workers", {"worker-1": (clock.now + 600) * 1000})
    server.hset("notifier:{mail}:slots", "worker-1", "3")
    added(store, an_email(), an_email(), an_email(send_at=clock.now + 3600))
    clock.now += 120
    found = standing(store)
    assert (found.mails[S.WAITING], found.due, found.slots) == (3, 2, 3)
    assert found.oldest_due == pytest.approx(120, abs=1)
    assert found.ages[S.WAITING] == pytest.approx(120, abs=1)
    assert found.ages[S.PARKED] == 0
    clock.now += 600
    assert standing(store).slots == 0


def test_a_queue_that_has_only_mails_for_later_has_none_that_is_overdue(store: RedisStore, clock: Clock) -> None:
    added(store, an_email(send_at=clock.now + 3600))
    assert (standing(store).due, standing(store).oldest_due) == (0, 0.0)


def test_a_claim_has_the_trace_that_its_mail_was_added_with(store: RedisStore) -> None:
    trace = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
    assert claimed(store, an_email(trace=trace)).email.trace == trace
    assert claimed(store, an_email()).email.trace == ""


def test_a_trace_is_no_part_of_what_a_mail_says() -> None:
    email, traced = an_email(), an_email(trace="00-1-2-01")
    assert email.to_payload().keys() == traced.to_payload().keys()
    assert "trace" not in traced.to_payload()
