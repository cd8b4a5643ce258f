"""What every `Store` must do, whatever keeps it. A test module subclasses these with fixtures ``make_store``.

``make_store(**options)`` gives a store on the same, empty server; ``store`` is one with default options. Time is not
moved: a lease of no seconds is over at once.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from notifier.delivery.late import evidence_of
from notifier.errors import (
    ErrorClass,
    Fault,
    FenceRejected,
    IdempotencyConflict,
    MailNotFound,
    Phase,
    Scope,
    StoreError,
)
from notifier.model.address import Address
from notifier.model.email import AttachmentRef, Email
from notifier.model.ids import new_mail_id
from notifier.model.mail_class import SHIPPED_CLASSES, Delivery, MailClass
from notifier.model.outcome import RecipientState
from notifier.model.pause import Pause
from notifier.model.proof import Proof
from notifier.model.spent import Spent
from notifier.model.state import MailState
from notifier.model.worker import WorkerRecord, WorkerState
from notifier.store.base import Claim, Epoch, Settlement, Store, Takeover
from notifier.store.evidence import Evidence, Verdict

MakeStore = Callable[..., Store]

AT_ONCE = Takeover(lease=0.0, at_dot=0.0, bell=0.0)
GREYLISTED = Fault("R2", ErrorClass.TRANSIENT, Scope.RECIPIENT, Phase.RCPT, "4.7.1 come back later", code=450)
LOST_REPLY = Fault("Z5", ErrorClass.UNKNOWN, Scope.MESSAGE, Phase.FINAL_REPLY, "connection lost")
HOUR, DAY = 3600.0, 86400.0


def an_email(*to: str, **changes: Any) -> Email:
    mail_id = changes.pop("id", None) or new_mail_id()
    fields: dict[str, Any] = {
        "id": mail_id,
        "template": "welcome",
        "to": tuple(Address.parse(text) for text in to or ("zoe@example.com",)),
        "context": {"name": "Zoë", "link": "the-secret-link"},
        "idempotency_key": mail_id,
        "created_at": time.time(),
    }
    return Email(**{**fields, **changes})


def a_worker(worker_id: str = "worker-1", slots: int = 1, queues: tuple[str, ...] = ("mail",)) -> WorkerRecord:
    return WorkerRecord(worker_id, concurrency=slots, queues=queues)


def added(store: Store, *emails: Email) -> list[str]:
    return [one.mail_id for one in store.add(emails or [an_email()]).added]


def claimed(store: Store, email: Email | None = None, queue: str = "mail") -> Claim:
    """A mail that is added and claimed."""
    if email is not None:
        store.add([email])
    (claim,) = store.claim(queue, "worker-1", 1)
    return claim


def at_dot(store: Store, email: Email | None = None, queue: str = "mail") -> Claim:
    claim = claimed(store, email, queue)
    store.begin_dot([claim])
    return claim


def state_of(store: Store, mail_id: str) -> MailState:
    status = store.status(mail_id)
    assert status is not None
    return status.state


def history_of(store: Store, mail_id: str) -> list[str]:
    status = store.status(mail_id)
    assert status is not None
    return [entry["state"] for entry in status.history]


class Enqueue:
    def test_a_mail_that_is_added_waits_and_is_due(self, store: Store) -> None:
        email = an_email("zoe@example.com", "jürgen@bücher.example")
        (one,) = store.add([email]).added
        status = store.status(email.id)
        assert (one.mail_id, one.existing) == (email.id, False)
        assert status is not None
        assert (status.state, status.queue, status.template) == (MailState.WAITING, "mail", "welcome")
        assert (status.attempt, status.crashes, status.unknowns, status.setbacks) == (0, 0, 0, 0)
        assert set(status.recipients) == {"zoe@example.com", "jürgen@bücher.example"}
        assert status.due_at is not None
        assert status.due_at <= status.created_at

    def test_a_mail_nobody_added_has_no_status(self, store: Store) -> None:
        assert store.status(new_mail_id()) is None

    def test_many_mails_stand_where_each_stands(self, store: Store) -> None:
        ids = [*added(store, an_email(), an_email("ann@example.com")), new_mail_id()]
        assert list(store.statuses(ids)) == [store.status(one) for one in ids[:-1]]
        assert not list(store.statuses([]))

    def test_adding_nothing_is_nothing(self, store: Store) -> None:
        assert store.add([]).added == ()

    def test_the_same_mail_added_twice_is_one_mail(self, store: Store) -> None:
        email = an_email()
        added(store, email)
        (again,) = store.add([email]).added
        assert again.existing
        assert len(store.claim("mail", "worker-1", 10)) == 1

    def test_a_mail_id_that_is_taken_by_another_body_is_a_conflict(self, store: Store) -> None:
        email = an_email()
        added(store, email)
        with pytest.raises(IdempotencyConflict):
            store.add([an_email(id=email.id, template="invoice")])

    def test_the_same_key_and_body_is_the_first_mail(self, store: Store) -> None:
        first = an_email(idempotency_key="welcome-42")
        again = an_email(idempotency_key="welcome-42")
        added(store, first)
        (answer,) = store.add([again]).added
        assert (answer.mail_id, answer.existing) == (first.id, True)
        assert store.status(again.id) is None

    def test_the_same_key_twice_in_one_call_is_one_mail(self, store: Store) -> None:
        twins = [an_email(idempotency_key="twin"), an_email(idempotency_key="twin")]
        one, other = store.add(twins).added
        assert one.mail_id == other.mail_id == twins[0].id
        assert [one.existing, other.existing] == [False, True]

    def test_the_same_call_with_another_time_is_the_same_mail(self, store: Store) -> None:
        first, again = an_email(idempotency_key="k"), an_email(idempotency_key="k", send_at=time.time() + HOUR)
        added(store, first)
        assert added(store, again) == [first.id]

    @pytest.mark.parametrize("changes", [{"template": "invoice"}, {"queue": "mail.urgent"}, {"context": {}}])
    def test_the_same_key_with_another_body_is_a_conflict_that_names_the_first(
        self, store: Store, changes: dict[str, Any]
    ) -> None:
        first = an_email(idempotency_key="welcome-42")
        added(store, first)
        with pytest.raises(IdempotencyConflict, match=first.id) as caught:
            store.add([an_email(idempotency_key="welcome-42", **changes)])
        assert caught.value.mail_id == first.id
        assert store.counts("mail")[MailState.WAITING] == 1

    def test_a_key_still_names_its_mail_after_it_was_sent(self, store: Store) -> None:
        first = an_email(idempotency_key="once")
        store.settle([Settlement(at_dot(store, first), MailState.SENT)])
        (again,) = store.add([an_email(idempotency_key="once")]).added
        assert (again.mail_id, again.existing) == (first.id, True)
        assert store.claim("mail", "worker-1", 10) == []

    def test_a_scheduled_mail_waits_for_its_time(self, store: Store) -> None:
        later = an_email(send_at=time.time() + 3 * DAY)
        added(store, later)
        assert store.claim("mail", "worker-1", 10) == []
        assert store.sweep("mail").due == 0

    def test_the_class_gives_the_deadline_that_the_caller_did_not(self, store: Store) -> None:
        added(store, an_email(mail_class="otp"), an_email(expires_at=time.time() + HOUR))
        left = sorted(claim.deadline_in for claim in store.claim("mail", "worker-1", 10))
        assert left == [pytest.approx(600, abs=120), pytest.approx(HOUR, abs=120)]

    def test_a_deadline_counts_from_the_time_that_the_mail_may_go(self, store: Store) -> None:
        email = an_email(mail_class="otp", send_at=time.time() + DAY)
        added(store, email)
        store.sweep("mail")
        assert state_of(store, email.id) is MailState.WAITING

    def test_a_mail_over_its_deadline_expires_when_it_is_claimed(self, store: Store) -> None:
        email = an_email(expires_at=time.time() - HOUR)
        added(store, email)
        assert store.claim("mail", "worker-1", 10) == []
        assert state_of(store, email.id) is MailState.EXPIRED

    def test_a_mail_over_its_deadline_expires_in_a_sweep(self, store: Store) -> None:
        email = an_email(expires_at=time.time() - HOUR)
        added(store, email)
        swept = store.sweep("mail")
        assert (swept.due, swept.bells) == (0, ())
        assert history_of(store, email.id) == ["expired"]

    def test_the_context_shows_in_no_status(self, store: Store) -> None:
        email = an_email()
        store.settle([Settlement(claimed(store, email), MailState.WAITING, fault=GREYLISTED)])
        assert "the-secret-link" not in repr(store.status(email.id))


class Attachments:
    def test_octets_are_kept_under_their_digest(self, store: Store) -> None:
        name = store.put_blob(b"\x00\xff%PDF")
        assert store.put_blob(b"\x00\xff%PDF") == name
        assert store.get_blob(name) == b"\x00\xff%PDF"
        assert len(name) == 64

    def test_several_blobs_are_put_as_each_by_itself(self, store: Store) -> None:
        many = [b"small", b"big" * 20_000, b"", b"small", *(bytes([n]) * 2**19 for n in range(4))]
        names = store.put_blobs(many)
        assert [store.get_blob(name) for name in names] == many
        assert names == [store.put_blob(data) for data in many]

    def test_a_blob_that_is_gone_is_an_error_that_names_it(self, store: Store) -> None:
        with pytest.raises(StoreError, match="f" * 64):
            store.get_blob("f" * 64)

    def test_a_scheduled_mail_keeps_its_attachments_in_the_claim(self, store: Store) -> None:
        ref = AttachmentRef("a.pdf", "application/pdf", store.put_blob(b"%PDF"), 4)
        added(store, an_email(attachments=(ref,), send_at=time.time() - 1))
        assert claimed(store).email.attachments == (ref,)


class Bells:
    def test_the_first_mail_rings_and_the_next_does_not(self, store: Store) -> None:
        first, second = store.add([an_email()]), store.add([an_email()])
        assert len(first.bells["mail"]) == 1
        assert second.bells == {}

    def test_a_bell_that_rings_with_its_mail_is_not_rung_again(self, make_store: MakeStore) -> None:
        store = make_store(takeover=Takeover(batch=2))
        store.register_worker(a_worker(slots=2), ttl=60)
        first = store.add([an_email() for _ in range(4)], lambda queue, bell: (queue, f"bell {bell}"))
        second = store.add([an_email()], lambda queue, bell: (queue, f"bell {bell}"))
        assert (first.rung, {queue: len(ids) for queue, ids in first.bells.items()}) == (1, {"mail": 1})
        assert (second.rung, second.bells) == (0, {})

    def test_a_mail_for_later_rings_no_bell(self, store: Store) -> None:
        assert store.add([an_email(send_at=time.time() + HOUR)]).bells == {}

    def test_each_queue_has_its_own_bells(self, store: Store) -> None:
        bells = store.add([an_email(), an_email(queue="mail.bulk"), an_email()]).bells
        assert {queue: len(ids) for queue, ids in bells.items()} == {"mail": 1, "mail.bulk": 1}

    @pytest.mark.parametrize(("mails", "slots", "bells"), [(2, 4, 1), (3, 4, 2), (40, 4, 4), (40, 1, 1), (3, 0, 1)])
    def test_one_bell_for_each_batch_and_at_most_one_for_each_slot(
        self, make_store: MakeStore, mails: int, slots: int, bells: int
    ) -> None:
        store = make_store(takeover=Takeover(batch=2))
        if slots:
            store.register_worker(a_worker(slots=slots), ttl=60)
        assert len(store.add([an_email() for _ in range(mails)]).bells["mail"]) == bells

    def test_the_slots_of_all_workers_count_while_they_live(self, store: Store) -> None:
        store.register_worker(a_worker("worker-1", 2, ("mail", "mail.bulk")), ttl=60)
        store.register_worker(a_worker("worker-2", 3), ttl=60)
        store.register_worker(a_worker("dead", 8), ttl=0)
        assert (store.live_slots("mail"), store.live_slots("mail.bulk")) == (5, 2)
        store.forget_worker("worker-1")
        assert (store.live_slots("mail"), store.live_slots("mail.bulk")) == (3, 0)

    def test_the_slots_of_a_worker_that_drains_do_not_count(self, store: Store) -> None:
        store.register_worker(a_worker("worker-1", 2), ttl=60)
        store.register_worker(replace(a_worker("worker-1", 2), state=WorkerState.DRAINING), ttl=60)
        assert store.live_slots("mail") == 0
        assert [(one.id, one.state) for one in store.workers()] == [("worker-1", WorkerState.DRAINING)]

    def test_what_a_worker_says_of_itself_is_read_back(self, store: Store) -> None:
        said = WorkerRecord(
            id="host:7:abc",
            name="celery@höst",
            host="höst",
            pid=7,
            version="1.2.3",
            started_at=time.time(),
            queues=("mail", "mail.bulk"),
            concurrency=4,
            busy=3,
            pool_kind="prefork",
        )
        store.register_worker(said, ttl=60)
        (found,) = store.workers()
        assert replace(found, seen_at=0.0) == said
        assert found.seen_at == pytest.approx(time.time(), abs=60)

    def test_workers_are_known_by_name_until_they_end_or_are_silent_for_too_long(self, store: Store) -> None:
        for worker_id, name, ttl in (("2", "b", 60), ("1", "a", 60), ("3", "c", 0), ("4", "a", 60)):
            store.register_worker(replace(a_worker(worker_id), name=name), ttl=ttl)
        assert [one.id for one in store.workers()] == ["1", "4", "2"]
        store.forget_worker("1")
        assert [one.id for one in store.workers()] == ["4", "2"]

    def test_a_bell_ends_only_when_nothing_is_due(self, store: Store) -> None:
        (bell,) = store.add([an_email()]).bells["mail"]
        assert store.answer("mail", bell, "worker-1", 0) == []
        assert len(store.answer("mail", bell, "worker-1", 10) or ()) == 1
        assert store.answer("mail", bell, "worker-1", 10) is None
        assert store.add([an_email()]).bells != {}

    def test_an_answered_bell_counts_until_it_is_closed(self, store: Store) -> None:
        (bell,) = store.add([an_email()]).bells["mail"]
        store.answer("mail", bell, "worker-1", 0)
        assert store.add([an_email()]).bells == {}
        store.ring_again("mail", bell)
        assert store.add([an_email()]).bells == {}

    def test_a_sweep_rings_again_for_what_a_lost_bell_left(self, make_store: MakeStore) -> None:
        store = make_store(takeover=AT_ONCE)
        (lost,) = store.add([an_email()]).bells["mail"]
        swept = store.sweep("mail")
        assert len(swept.bells) == 1
        assert lost not in swept.bells

    def test_a_sweep_rings_again_for_a_bell_whose_worker_was_killed(self, make_store: MakeStore) -> None:
        store = make_store(takeover=AT_ONCE)
        (bell,) = store.add([an_email()]).bells["mail"]
        store.answer("mail", bell, "worker-1", 0)
        assert len(store.sweep("mail").bells) == 1

    def test_a_slot_that_was_long_in_a_slow_dialogue_has_one_bell_too_many_and_no_more(
        self, make_store: MakeStore
    ) -> None:
        store = make_store(takeover=AT_ONCE)
        (slow,) = store.add([an_email()]).bells["mail"]
        store.answer("mail", slow, "worker-1", 0)
        assert len(store.sweep("mail").bells) == 1
        store.answer("mail", slow, "worker-1", 1)
        assert store.add([an_email()]).bells == {}
        assert store.sweep("mail", broker_idle=False).bells == ()

    def test_a_sweep_does_not_double_a_bell_that_lies_in_the_broker(self, make_store: MakeStore) -> None:
        store = make_store(takeover=AT_ONCE)
        store.add([an_email()])
        assert store.sweep("mail", broker_idle=False).bells == ()

    def test_a_sweep_leaves_a_bell_alone_that_was_just_rung(self, store: Store) -> None:
        store.add([an_email()])
        assert store.sweep("mail").bells == ()

    def test_a_sweep_of_an_empty_queue_rings_nothing(self, store: Store) -> None:
        assert store.sweep("mail").bells == ()


class Claims:
    def test_a_claim_holds_the_mail_as_it_was_added(self, store: Store) -> None:
        email = an_email('"Doe, Jané" <jane@bücher.example>', headers={"X-Kind": "é"}, locale="pt-BR")
        claim = claimed(store, email)
        assert claim.email == email
        assert claim.fence == 1
        assert claim.recipients == {"jane@xn--bcher-kva.example": RecipientState.PENDING}
        assert (claim.attempt, claim.crashes, claim.unknowns, claim.composed) == (0, 0, 0, None)

    def test_a_claimed_mail_is_not_claimed_again(self, store: Store) -> None:
        claim = claimed(store, an_email())
        assert store.claim("mail", "worker-2", 10) == []
        assert state_of(store, claim.mail_id) is MailState.CLAIMED

    def test_the_oldest_due_come_first_and_no_more_than_asked_for(self, store: Store) -> None:
        added(store, *(an_email() for _ in range(3)))
        last, first, second = store.claim("mail", "worker-1", 3)
        due = ((last, -1.0), (second, -2.0), (first, -3.0))
        store.settle([Settlement(claim, MailState.WAITING, due_in=due_in) for claim, due_in in due])
        assert [claim.mail_id for claim in store.claim("mail", "worker-1", 2)] == [first.mail_id, second.mail_id]

    def test_a_queue_gives_only_its_own_mails(self, store: Store) -> None:
        added(store, an_email(queue="mail.bulk"))
        assert store.claim("mail", "worker-1", 10) == []

    def test_the_fence_grows_with_each_claim(self, store: Store) -> None:
        first = claimed(store, an_email())
        store.settle([Settlement(first, MailState.WAITING)])
        assert claimed(store).fence == first.fence + 1

    def test_a_lease_that_lasts_is_left_alone(self, store: Store) -> None:
        claim = claimed(store, an_email())
        assert store.sweep("mail").leases_over == 0
        store.begin_dot([claim])

    def test_what_a_dead_worker_had_claimed_is_claimed_again(self, make_store: MakeStore) -> None:
        store = make_store(takeover=AT_ONCE)
        dead = claimed(store, an_email())
        swept = store.sweep("mail")
        heir = claimed(store)
        assert (swept.leases_over, len(swept.bells)) == (1, 1)
        assert (heir.mail_id, heir.crashes, heir.attempt) == (dead.mail_id, 1, 0)
        assert heir.fence > dead.fence

    def test_a_mail_that_ended_three_workers_is_quarantined(self, make_store: MakeStore) -> None:
        store = make_store(takeover=AT_ONCE)
        mail_id = added(store, an_email())[0]
        for _ in range(3):
            claimed(store)
            swept = store.sweep("mail")
        assert swept.quarantined == 1
        assert state_of(store, mail_id) is MailState.QUARANTINED
        assert store.claim("mail", "worker-1", 10) == []

    def test_crashes_before_an_attempt_that_came_to_its_end_do_not_count_towards_it(
        self, make_store: MakeStore
    ) -> None:
        store = make_store(takeover=AT_ONCE)
        (mail_id,) = added(store, an_email())
        claimed(store)
        store.sweep("mail")
        store.settle([Settlement(claimed(store), MailState.WAITING, fault=GREYLISTED)])
        for crashes in (2, 3):
            assert claimed(store).crashes == crashes - 1
            assert store.sweep("mail").quarantined == 0
        claimed(store)
        assert store.sweep("mail").quarantined == 1
        assert state_of(store, mail_id) is MailState.QUARANTINED

    def test_a_mail_that_ended_a_worker_is_claimed_alone(self, make_store: MakeStore) -> None:
        """Whoever was claimed with it would be called a crash each time, and be quarantined with it."""
        store = make_store(takeover=AT_ONCE)
        together = added(store, *(an_email() for _ in range(3)))
        assert len(store.claim("mail", "worker-1", 10)) == 3
        store.sweep("mail")
        (fresh,) = added(store, an_email())
        taken = [[claim.mail_id for claim in store.claim("mail", "heir", 10)] for _ in range(4)]
        assert sorted(taken) == sorted([[mail_id] for mail_id in (*together, fresh)])


class TheDot:
    def test_the_record_of_the_dot_takes_all_or_none(self, make_store: MakeStore) -> None:
        store = make_store(takeover=AT_ONCE)
        lost = claimed(store, an_email())
        store.sweep("mail")
        claimed(store)  # the heir
        held = claimed(store, an_email())
        with pytest.raises(FenceRejected) as caught:
            store.begin_dot([held, lost])
        assert caught.value.mail_ids == (lost.mail_id,)
        assert state_of(store, held.mail_id) is MailState.CLAIMED

    def test_a_turn_settles_one_mail_and_records_the_next_ones_dot(self, store: Store) -> None:
        first, second = at_dot(store, an_email()), claimed(store, an_email())
        sent = Settlement(first, MailState.SENT, recipients=dict.fromkeys(first.recipients, RecipientState.ACCEPTED))
        assert store.settle_and_begin_dot([sent], [second]) == ([], [])
        states = [state_of(store, one.mail_id) for one in (first, second)]
        assert states == [MailState.SENT, MailState.AT_DOT]

    def test_what_a_turn_refuses_is_told_and_the_rest_of_it_is_done(self, make_store: MakeStore) -> None:
        store = make_store(takeover=AT_ONCE)
        lost = claimed(store, an_email())
        store.sweep("mail")
        heir = claimed(store)
        held = claimed(store, an_email())
        too_late = Settlement(lost, MailState.WAITING)
        assert store.settle_and_begin_dot([too_late], [held]) == ([lost.mail_id], [])
        back = Settlement(held, MailState.WAITING)
        assert store.settle_and_begin_dot([back], [heir, lost]) == ([], [lost.mail_id])
        states = [state_of(store, one.mail_id) for one in (held, heir)]
        assert states == [MailState.WAITING, MailState.CLAIMED]

    def test_the_dot_of_a_further_transaction_has_its_own_time(self, make_store: MakeStore) -> None:
        claim = at_dot(make_store(takeover=AT_ONCE), an_email())
        store = make_store(takeover=Takeover(at_dot=HOUR))
        store.begin_dot([claim])
        assert store.sweep("mail").unknown == 0

    def test_a_turn_records_what_a_further_transaction_follows(self, store: Store) -> None:
        claim = at_dot(store, an_email("a@example.com", "b@example.com"))
        begun = Settlement(
            claim, MailState.CLAIMED, recipients={"a@example.com": RecipientState.ACCEPTED}, spent=Spent.NOTHING
        )
        assert store.settle_and_begin_dot([begun], [claim]) == ([], [])
        found = store.status(claim.mail_id)
        assert found is not None
        assert (found.state, found.recipients["a@example.com"]) == (MailState.AT_DOT, RecipientState.ACCEPTED)

    def test_recording_the_dot_twice_is_recording_it_once(self, store: Store) -> None:
        claim = at_dot(store, an_email())
        store.begin_dot([claim])
        assert state_of(store, claim.mail_id) is MailState.AT_DOT

    def test_a_settled_mail_has_no_dot(self, store: Store) -> None:
        claim = claimed(store, an_email())
        store.settle([Settlement(claim, MailState.WAITING)])
        with pytest.raises(FenceRejected):
            store.begin_dot([claim])

    def test_the_lease_of_a_claim_does_not_end_a_mail_at_its_dot(self, make_store: MakeStore) -> None:
        store = make_store(takeover=Takeover(lease=0.0, at_dot=750.0))
        claim = at_dot(store, an_email())
        swept = store.sweep("mail")
        assert (swept.leases_over, swept.unknown) == (0, 0)
        store.settle([Settlement(claim, MailState.SENT)])

    def test_a_mail_left_at_its_dot_is_sent_once_more_if_it_must_arrive(self, make_store: MakeStore) -> None:
        store = make_store(takeover=AT_ONCE)
        claim = at_dot(store, an_email())
        swept = store.sweep("mail")
        assert (swept.unknown, swept.parked, swept.due) == (1, 0, 1)
        assert history_of(store, claim.mail_id) == ["unknown", "waiting"]
        again = claimed(store)
        assert (again.unknowns, again.recipients) == (1, {"zoe@example.com": RecipientState.UNKNOWN})

    def test_a_second_unknown_outcome_is_for_a_person(self, make_store: MakeStore) -> None:
        store = make_store(takeover=AT_ONCE)
        claim = at_dot(store, an_email())
        store.sweep("mail")
        at_dot(store)
        assert store.sweep("mail").parked == 1
        assert history_of(store, claim.mail_id) == ["unknown", "waiting", "unknown", "parked"]

    def test_a_mail_that_may_go_only_once_is_parked(self, make_store: MakeStore) -> None:
        store = make_store(takeover=AT_ONCE)
        claim = at_dot(store, an_email(mail_class="bulk"))
        swept = store.sweep("mail")
        assert (swept.unknown, swept.parked, swept.bells) == (1, 1, ())
        assert state_of(store, claim.mail_id) is MailState.PARKED

    def test_recipients_who_were_served_before_are_not_unknown(self, make_store: MakeStore) -> None:
        store = make_store(takeover=AT_ONCE)
        claim = at_dot(store, an_email("a@example.com", "b@example.com", mail_class="bulk"))
        states = {"a@example.com": RecipientState.ACCEPTED, "b@example.com": RecipientState.DEFERRED}
        store.settle([Settlement(claim, MailState.WAITING, recipients=states)])
        at_dot(store)
        store.sweep("mail")
        status = store.status(claim.mail_id)
        assert status is not None
        assert status.recipients == {"a@example.com": "accepted", "b@example.com": "unknown"}


class Legs:
    """A mail whose recipients are reached by several ways: what is done is recorded before the next one's turn."""

    TWO = ("ann@one.example", "bob@two.example")

    def one_done(self, store: Store) -> Claim:
        claim = at_dot(store, an_email(*self.TWO))
        done = {self.TWO[0]: RecipientState.ACCEPTED}
        store.settle([Settlement(claim, MailState.CLAIMED, recipients=done, reply="250 ok", spent=Spent.NOTHING)])
        return claim

    def test_who_is_done_is_recorded_and_the_claim_goes_on(self, store: Store) -> None:
        claim = self.one_done(store)
        found = store.status(claim.mail_id)
        assert found is not None
        assert (found.state, found.attempt) == (MailState.CLAIMED, 0)
        assert found.recipients == {self.TWO[0]: RecipientState.ACCEPTED, self.TWO[1]: RecipientState.PENDING}
        assert history_of(store, claim.mail_id) == ["claimed"]

    def test_the_next_dot_is_recorded_under_the_same_fence_and_the_mail_is_settled(self, store: Store) -> None:
        claim = self.one_done(store)
        store.begin_dot([claim])
        both = dict.fromkeys(self.TWO, RecipientState.ACCEPTED)
        store.settle([Settlement(claim, MailState.SENT, recipients=both)])
        found = store.status(claim.mail_id)
        assert found is not None
        assert (found.state, found.attempt, found.recipients) == (MailState.SENT, 1, both)

    def test_where_the_others_are_refused_without_a_dot_it_is_sent_all_the_same(self, store: Store) -> None:
        claim = self.one_done(store)
        store.settle([Settlement(claim, MailState.SENT, recipients={self.TWO[1]: RecipientState.REFUSED})])
        assert state_of(store, claim.mail_id) is MailState.SENT

    def test_saying_it_again_is_saying_it_once(self, store: Store) -> None:
        claim = self.one_done(store)
        store.settle([Settlement(claim, MailState.CLAIMED, recipients={self.TWO[0]: RecipientState.ACCEPTED})])
        assert history_of(store, claim.mail_id) == ["claimed"]

    def test_a_worker_that_ends_between_two_legs_leaves_the_rest_and_no_doubt(self, make_store: MakeStore) -> None:
        store = make_store(takeover=AT_ONCE)
        mail_id = self.one_done(store).mail_id
        store.sweep("mail")
        again = claimed(store)
        assert (again.mail_id, again.unknowns) == (mail_id, 0)
        assert again.recipients[self.TWO[0]] is RecipientState.ACCEPTED
        assert again.recipients[self.TWO[1]] is RecipientState.PENDING

    def test_a_zombie_records_nothing(self, make_store: MakeStore) -> None:
        store = make_store(takeover=AT_ONCE)
        claim = self.one_done(store)
        store.sweep("mail")
        claimed(store)
        with pytest.raises(FenceRejected):
            store.settle([Settlement(claim, MailState.CLAIMED, recipients={self.TWO[1]: RecipientState.ACCEPTED})])


class Settlements:
    def test_a_mail_that_is_sent_stays_known_and_is_not_sent_again(self, store: Store) -> None:
        claim = at_dot(store, an_email())
        accepted = {"zoe@example.com": RecipientState.ACCEPTED}
        store.settle([Settlement(claim, MailState.SENT, recipients=accepted, reply="250 OK q1", relay="relay:25")])
        status = store.status(claim.mail_id)
        assert status is not None
        assert (status.state, status.recipients, status.attempt, status.due_at) == ("sent", accepted, 1, None)
        assert status.history[-1]["reply"] == "250 OK q1"
        assert status.history[-1]["relay"] == "relay:25"
        assert store.sweep("mail").due == 0

    def test_settling_nothing_is_nothing(self, store: Store) -> None:
        store.settle([])

    def test_a_settlement_whose_answer_was_lost_may_be_said_again(self, store: Store) -> None:
        sent = Settlement(at_dot(store, an_email()), MailState.SENT)
        store.settle([sent])
        store.settle([sent])
        assert store.counts("mail")[MailState.SENT] == 1

    def test_a_zombie_settles_nothing(self, make_store: MakeStore) -> None:
        store = make_store(takeover=AT_ONCE)
        zombie = claimed(store, an_email())
        store.sweep("mail")
        with pytest.raises(FenceRejected):
            store.settle([Settlement(zombie, MailState.FAILED)])
        heir = claimed(store)
        with pytest.raises(FenceRejected):
            store.settle([Settlement(zombie, MailState.FAILED)])
        store.settle([Settlement(heir, MailState.WAITING)])

    def test_one_refused_settlement_does_not_hold_up_the_others(self, make_store: MakeStore) -> None:
        store = make_store(takeover=AT_ONCE)
        zombie = claimed(store, an_email())
        store.sweep("mail")
        store.cancel(zombie.mail_id)
        first, last = claimed(store, an_email()), claimed(store, an_email())
        with pytest.raises(FenceRejected) as caught:
            store.settle([Settlement(claim, MailState.FAILED) for claim in (first, zombie, last)])
        assert caught.value.mail_ids == (zombie.mail_id,)
        assert store.counts("mail")[MailState.FAILED] == 2

    def test_an_edge_that_there_is_not_is_an_error_and_does_not_hold_up_the_others(self, store: Store) -> None:
        first, nothing_handed_over, last = (
            at_dot(store, an_email()),
            claimed(store, an_email()),
            at_dot(store, an_email()),
        )
        with pytest.raises(StoreError, match="nothing was handed over"):
            store.settle([Settlement(claim, MailState.SENT) for claim in (first, nothing_handed_over, last)])
        assert store.counts("mail")[MailState.SENT] == 2
        assert state_of(store, nothing_handed_over.mail_id) == MailState.CLAIMED

    def test_many_settlements_of_two_queues_are_taken_together(self, store: Store) -> None:
        store.add([an_email(queue=queue) for queue in ("mail", "mail.bulk") for _ in range(101)])
        claims = [claim for queue in ("mail", "mail.bulk") for claim in store.claim(queue, "worker-1", 500)]
        ends = (MailState.FAILED, MailState.WAITING)
        settled = [Settlement(claim, ends[place % 2]) for place, claim in enumerate(claims)]
        store.settle(settled)
        assert [state_of(store, one.claim.mail_id) for one in settled] == [one.state for one in settled]

    def test_a_leg_and_the_end_of_the_same_mail_may_be_settled_together(self, store: Store) -> None:
        claim = at_dot(store, an_email("a@example.com", "b@example.com"))
        leg = {"a@example.com": RecipientState.ACCEPTED}
        end = {"b@example.com": RecipientState.REFUSED}
        store.settle(
            [Settlement(claim, MailState.CLAIMED, recipients=leg), Settlement(claim, MailState.SENT, recipients=end)]
        )
        status = store.status(claim.mail_id)
        assert status is not None
        assert (status.state, dict(status.recipients)) == (MailState.SENT, {**leg, **end})

    def test_a_deferred_mail_is_due_later_and_counts_its_attempt(self, store: Store) -> None:
        claim = at_dot(store, an_email("a@example.com", "b@example.com"))
        states = {"a@example.com": RecipientState.ACCEPTED, "b@example.com": RecipientState.DEFERRED}
        later = Settlement(claim, MailState.WAITING, due_in=HOUR, recipients=states, fault=GREYLISTED)
        store.settle([later])
        status = store.status(claim.mail_id)
        assert status is not None
        assert status.due_at is not None
        assert status.due_at - status.created_at == pytest.approx(HOUR, abs=120)
        assert (status.attempt, status.recipients, status.last_fault) == (1, states, GREYLISTED)
        assert store.claim("mail", "worker-1", 10) == []

    def test_what_is_handed_back_counts_no_attempt(self, store: Store) -> None:
        claim = claimed(store, an_email())
        store.settle([Settlement(claim, MailState.WAITING, spent=Spent.NOTHING)])
        assert claimed(store).attempt == 0

    def test_setbacks_are_counted_apart_from_attempts(self, store: Store) -> None:
        claim = claimed(store, an_email())
        store.settle([Settlement(claim, MailState.WAITING, spent=Spent.SETBACK)])
        again = claimed(store)
        assert (again.attempt, again.setbacks) == (0, 1)
        store.settle([Settlement(again, MailState.WAITING, spent=Spent.ATTEMPT)])
        status = store.status(claim.mail_id)
        assert status is not None
        assert (status.attempt, status.setbacks) == (1, 1)

    def test_a_wait_never_outlasts_the_deadline(self, store: Store) -> None:
        email = an_email(expires_at=time.time() + HOUR)
        store.settle([Settlement(claimed(store, email), MailState.WAITING, due_in=2 * DAY)])
        status = store.status(email.id)
        assert status is not None
        assert status.due_at == pytest.approx(email.expires_at, abs=1)

    def test_later_attempts_send_the_same_octets(self, store: Store) -> None:
        octets = b"Subject: \xff\x00\r\n\r\n" + os.urandom(64)
        store.settle([Settlement(claimed(store, an_email()), MailState.WAITING, composed=octets)])
        again = claimed(store)
        assert again.composed == octets
        store.settle([Settlement(again, MailState.WAITING)])
        assert claimed(store).composed == octets

    @pytest.mark.parametrize("state", [MailState.FAILED, MailState.EXPIRED, MailState.QUARANTINED])
    def test_a_dead_letter_stands_in_the_list_of_its_state(self, store: Store, state: MailState) -> None:
        claim = claimed(store, an_email())
        store.settle([Settlement(claim, state, fault=GREYLISTED)])
        (listed,) = store.list_mails("mail", state)
        assert (listed.mail_id, listed.last_fault) == (claim.mail_id, GREYLISTED)

    def test_an_edge_that_is_not_in_the_table_is_refused_and_changes_nothing(self, store: Store) -> None:
        claim = claimed(store, an_email())
        with pytest.raises(StoreError, match="no edge from claimed to sent"):
            store.settle([Settlement(claim, MailState.SENT)])
        status = store.status(claim.mail_id)
        assert status is not None
        assert (status.state, status.attempt, status.history) == (MailState.CLAIMED, 0, ())

    @pytest.mark.parametrize(("mail_class", "wait"), [("otp", 60.0), ("transactional", 755.0), ("report", 755.0)])
    def test_a_lost_reply_is_answered_by_one_more_copy_later(self, store: Store, mail_class: str, wait: float) -> None:
        email = an_email(mail_class=mail_class, expires_at=time.time() + DAY)
        unknown = {"zoe@example.com": RecipientState.UNKNOWN}
        claim = at_dot(store, email)
        store.settle([Settlement(claim, MailState.UNKNOWN, recipients=unknown, fault=LOST_REPLY)])
        status = store.status(email.id)
        assert status is not None
        assert (status.state, status.unknowns, status.last_fault) == (MailState.WAITING, 1, LOST_REPLY)
        assert status.due_at is not None
        assert status.due_at - status.created_at == pytest.approx(wait, abs=30)

    def test_a_lost_reply_parks_a_mail_that_may_go_only_once(self, store: Store) -> None:
        claim = at_dot(store, an_email(mail_class="bulk"))
        store.settle([Settlement(claim, MailState.UNKNOWN, fault=LOST_REPLY)])
        assert history_of(store, claim.mail_id) == ["unknown", "parked"]
        assert [mail.mail_id for mail in store.list_mails("mail", MailState.PARKED)] == [claim.mail_id]


def told(claim: Claim, state: MailState, **changes: Any) -> Evidence:
    accepted = RecipientState.ACCEPTED if state is MailState.SENT else RecipientState.DEFERRED
    settlement = Settlement(claim, state, recipients=dict.fromkeys(claim.recipients, accepted), reply="250 as 42")
    return replace(evidence_of(settlement), **changes)


class LateReplies:
    """A reply was read, the ledger was away, and hears of it now."""

    def test_it_settles_the_mail_as_if_it_had_come_in_time(self, store: Store) -> None:
        claim = at_dot(store, an_email())
        assert store.take_evidence(told(claim, MailState.SENT)) is Verdict.SETTLED
        found = store.status(claim.mail_id)
        assert found is not None
        assert (found.state, found.attempt, found.unknowns) == (MailState.SENT, 1, 0)
        assert found.recipients == {"zoe@example.com": RecipientState.ACCEPTED}
        assert found.history[-1]["reply"] == "250 as 42"

    def test_said_twice_it_is_said_once(self, store: Store) -> None:
        claim = at_dot(store, an_email())
        store.take_evidence(told(claim, MailState.SENT))
        assert store.take_evidence(told(claim, MailState.SENT)) is Verdict.KNOWN
        assert history_of(store, claim.mail_id) == ["sent"]

    def test_what_the_ledger_had_taken_and_whose_answer_was_lost_is_known(self, store: Store) -> None:
        claim = at_dot(store, an_email())
        store.settle([Settlement(claim, MailState.WAITING)])
        claimed(store)
        assert store.take_evidence(told(claim, MailState.WAITING)) is Verdict.KNOWN

    @pytest.mark.parametrize(("mail_class", "meanwhile"), [("bulk", "parked"), ("transactional", "waiting")])
    def test_a_mail_called_unknown_is_sent_by_it_and_not_sent_again(
        self, make_store: MakeStore, mail_class: str, meanwhile: str
    ) -> None:
        store = make_store(takeover=AT_ONCE)
        claim = at_dot(store, an_email(mail_class=mail_class, queue="mail"))
        store.sweep("mail")
        assert state_of(store, claim.mail_id) == meanwhile
        assert store.take_evidence(told(claim, MailState.SENT)) is Verdict.SETTLED
        assert state_of(store, claim.mail_id) is MailState.SENT
        assert store.claim("mail", "worker-1", 10) == []

    def test_the_dot_of_a_resend_is_refused_when_it_has_come(self, make_store: MakeStore) -> None:
        store = make_store(takeover=AT_ONCE)
        claim = at_dot(store, an_email())
        store.sweep("mail")
        heir = claimed(store)
        assert store.take_evidence(told(claim, MailState.SENT)) is Verdict.SETTLED
        with pytest.raises(FenceRejected):
            store.begin_dot([heir])

    def test_it_waits_while_a_resend_is_at_its_dot(self, make_store: MakeStore) -> None:
        store = make_store(takeover=AT_ONCE)
        claim = at_dot(store, an_email())
        store.sweep("mail")
        heir = at_dot(store)
        assert store.take_evidence(told(claim, MailState.SENT)) is Verdict.LATER
        store.settle([Settlement(heir, MailState.WAITING, recipients={"zoe@example.com": RecipientState.DEFERRED})])
        assert store.take_evidence(told(claim, MailState.SENT)) is Verdict.SETTLED
        assert store.claim("mail", "worker-1", 10) == []

    def test_a_deferral_gives_the_resend_back(self, make_store: MakeStore) -> None:
        store = make_store(takeover=AT_ONCE)
        claim = at_dot(store, an_email())
        store.sweep("mail")
        assert store.take_evidence(told(claim, MailState.WAITING, due_at=0.0)) is Verdict.SETTLED
        at_dot(store)
        assert store.sweep("mail").parked == 0  # its one resend was still there

    def test_a_refusal_of_a_mail_called_unknown_is_a_dead_letter(self, make_store: MakeStore) -> None:
        store = make_store(takeover=AT_ONCE)
        claim = at_dot(store, an_email(mail_class="bulk", queue="mail"))
        store.sweep("mail")
        assert store.take_evidence(told(claim, MailState.FAILED)) is Verdict.SETTLED
        assert state_of(store, claim.mail_id) is MailState.FAILED

    def test_an_outcome_that_a_later_claim_has_overtaken_changes_nothing(self, make_store: MakeStore) -> None:
        store = make_store(takeover=AT_ONCE)
        claim = at_dot(store, an_email())
        store.sweep("mail")
        claimed(store)
        assert store.take_evidence(told(claim, MailState.FAILED)) is Verdict.OVERTAKEN
        assert state_of(store, claim.mail_id) is MailState.CLAIMED

    def test_recipients_whose_turn_had_not_come_are_pending(self, make_store: MakeStore) -> None:
        store = make_store(takeover=AT_ONCE)
        claim = at_dot(store, an_email("a@example.com", "b@example.com"))
        store.sweep("mail")
        first = {"a@example.com": RecipientState.ACCEPTED}
        store.take_evidence(told(claim, MailState.WAITING, recipients=first, due_at=0.0))
        assert claimed(store).recipients == {**first, "b@example.com": RecipientState.PENDING}

    def test_a_mail_given_back_unsent_has_ended_no_worker(self, make_store: MakeStore) -> None:
        store = make_store(takeover=AT_ONCE)
        claim = claimed(store, an_email())
        store.sweep("mail")
        given_back = told(claim, MailState.WAITING, recipients={}, due_at=0.0, spent=Spent.NOTHING)
        assert store.take_evidence(given_back) is Verdict.SETTLED
        heir = claimed(store)
        assert (heir.crashes, heir.attempt) == (0, 0)

    def test_another_workers_end_still_counts(self, make_store: MakeStore) -> None:
        store = make_store(takeover=AT_ONCE)
        claimed(store, an_email())
        store.sweep("mail")
        claim = claimed(store)
        given_back = told(claim, MailState.WAITING, recipients={}, due_at=0.0, spent=Spent.NOTHING)
        assert store.take_evidence(given_back) is Verdict.SETTLED
        assert claimed(store).crashes == 1

    def test_the_resend_after_another_claims_lost_reply_stays_used(self, make_store: MakeStore) -> None:
        store = make_store(takeover=AT_ONCE)
        at_dot(store, an_email())
        store.sweep("mail")
        claim = at_dot(store)
        assert store.take_evidence(told(claim, MailState.WAITING, due_at=0.0)) is Verdict.SETTLED
        at_dot(store)
        assert store.sweep("mail").parked == 1

    def test_who_has_accepted_it_is_not_mailed_again_by_a_later_claim(self, make_store: MakeStore) -> None:
        store = make_store(takeover=AT_ONCE)
        claim = at_dot(store, an_email("a@example.com", "b@example.com"))
        store.sweep("mail")
        heir = claimed(store)
        verdicts = {"a@example.com": RecipientState.ACCEPTED, "b@example.com": RecipientState.DEFERRED}
        assert store.take_evidence(told(claim, MailState.WAITING, recipients=verdicts)) is Verdict.PARTLY
        with pytest.raises(FenceRejected):
            store.begin_dot([heir])  # it would have mailed both
        again = claimed(store)
        assert again.recipients["a@example.com"] is RecipientState.ACCEPTED
        assert again.recipients["b@example.com"] is not RecipientState.ACCEPTED

    def test_of_a_mail_with_a_lost_reply_those_are_known_whose_reply_was_read(self, make_store: MakeStore) -> None:
        """LMTP has a final reply for each recipient, and the connection broke between two of them."""
        store = make_store(takeover=AT_ONCE)
        claim = at_dot(store, an_email("a@example.com", "b@example.com"))
        verdicts = {"a@example.com": RecipientState.ACCEPTED, "b@example.com": RecipientState.UNKNOWN}
        assert store.take_evidence(told(claim, MailState.UNKNOWN, recipients=verdicts)) is Verdict.PARTLY
        assert store.sweep("mail").unknown == 1
        assert claimed(store).recipients == verdicts

    def test_a_mail_that_a_person_has_given_another_address_still_goes_there(self, make_store: MakeStore) -> None:
        store = make_store(takeover=AT_ONCE)
        claim = at_dot(store, an_email(mail_class="bulk", queue="mail"))
        store.sweep("mail")
        new = Address.parse("new@example.com")
        store.resolve(claim.mail_id, MailState.WAITING, readdress={"zoe@example.com": new})
        assert store.take_evidence(told(claim, MailState.SENT)) is Verdict.PARTLY
        assert claimed(store).recipients == {"new@example.com": RecipientState.PENDING}

    def test_a_ledger_that_has_forgotten_the_claim_believes_it(self, store: Store) -> None:
        """A server that was killed with a relaxed durability, and lost the last second."""
        claim = claimed(store, an_email())
        store.settle([Settlement(claim, MailState.WAITING)])
        forgotten = replace(claim, fence=claim.fence + 1)
        assert store.take_evidence(told(forgotten, MailState.SENT)) is Verdict.SETTLED
        assert store.claim("mail", "worker-1", 10) == []

    def test_a_ledger_that_does_not_know_the_mail_says_so(self, store: Store) -> None:
        claim = at_dot(store, an_email())
        assert store.take_evidence(told(claim, MailState.SENT, mail_id=new_mail_id())) is Verdict.GONE


PROVEN = MailClass("proven", Delivery.EVIDENCE_FIRST, DAY, "mail", evidence_for=HOUR)
OR_AGAIN = replace(PROVEN, then=Delivery.AT_LEAST_ONCE)


class EvidenceFirst:
    """A mail whose class looks for proof waits in ``unknown``, and what is proven decides."""

    @staticmethod
    def unknown(make_store: MakeStore, *to: str, of: MailClass = PROVEN, **options: Any) -> tuple[Store, Claim]:
        store = make_store(classes={**SHIPPED_CLASSES, "proven": of}, **options)
        claim = at_dot(store, an_email(*to or ("zoe@example.com",), mail_class="proven"))
        lost = dict.fromkeys(claim.recipients, RecipientState.UNKNOWN)
        store.settle([Settlement(claim, MailState.UNKNOWN, recipients=lost, fault=LOST_REPLY)])
        return store, claim

    def test_it_waits_for_proof_and_nobody_claims_it(self, make_store: MakeStore) -> None:
        store, claim = self.unknown(make_store)
        store.sweep("mail")
        assert state_of(store, claim.mail_id) is MailState.UNKNOWN
        assert store.claim("mail", "worker-1", 10) == []
        assert [mail.mail_id for mail in store.list_mails("mail", MailState.UNKNOWN)] == [claim.mail_id]

    def test_a_mail_left_at_its_dot_waits_for_proof_too(self, make_store: MakeStore) -> None:
        store = make_store(classes={**SHIPPED_CLASSES, "proven": PROVEN}, takeover=AT_ONCE)
        claim = at_dot(store, an_email(mail_class="proven"))
        assert (store.sweep("mail").unknown, store.sweep("mail").unknown) == (1, 0)
        assert state_of(store, claim.mail_id) is MailState.UNKNOWN
        assert store.proofs.questions("mail", 10)[0].unknown == ("zoe@example.com",)

    def test_without_proof_a_person_decides(self, make_store: MakeStore) -> None:
        store, claim = self.unknown(make_store, of=replace(PROVEN, evidence_for=0.0))
        assert store.sweep("mail").parked == 1
        assert history_of(store, claim.mail_id) == ["unknown", "parked"]

    def test_without_proof_it_is_sent_once_more_where_its_class_says_so(self, make_store: MakeStore) -> None:
        store, claim = self.unknown(make_store, of=replace(OR_AGAIN, evidence_for=0.0), takeover=AT_ONCE)
        assert store.sweep("mail").parked == 0
        assert at_dot(store).mail_id == claim.mail_id
        assert sum(store.sweep("mail").parked for _ in range(2)) == 1, "once, and then a person decides"

    def test_it_is_not_sent_again_before_the_takeover_time_however_short_the_wait_for_proof(
        self, make_store: MakeStore
    ) -> None:
        store, claim = self.unknown(make_store, of=replace(OR_AGAIN, evidence_for=0.0))
        store.sweep("mail")
        status = store.status(claim.mail_id)
        assert status is not None
        assert status.due_at is not None
        assert status.due_at - status.created_at == pytest.approx(Takeover().at_dot, abs=30)

    def test_a_question_names_the_mail_and_those_of_whom_nobody_knows(self, make_store: MakeStore) -> None:
        store, claim = self.unknown(make_store, "a@example.com", "b@example.com")
        (question,) = store.proofs.questions("mail", 10)
        assert (question.email, question.fence) == (claim.email, claim.fence)
        assert set(question.unknown) == {"a@example.com", "b@example.com"}

    @pytest.mark.parametrize(
        ("proof", "state", "recipient"),
        [
            (Proof.DELIVERED, MailState.SENT, RecipientState.ACCEPTED),
            (Proof.REFUSED, MailState.FAILED, RecipientState.REFUSED),
            (Proof.NOT_DELIVERED, MailState.WAITING, RecipientState.PENDING),
        ],
    )
    def test_what_is_proven_decides(
        self, make_store: MakeStore, proof: Proof, state: MailState, recipient: RecipientState
    ) -> None:
        store, claim = self.unknown(make_store)
        told = {"zoe@example.com": proof}
        found = store.proofs.take("mail", claim.mail_id, told, "the log says so", fence=claim.fence)
        assert (found.verdict, found.state) == (Verdict.SETTLED, state)
        assert store.proofs.take("mail", claim.mail_id, told, "once more").verdict is Verdict.KNOWN
        status = store.status(claim.mail_id)
        assert status is not None
        assert (status.state, status.recipients) == (state, {"zoe@example.com": recipient})
        assert status.history[-1]["why"] == "the log says so"
        assert len(store.claim("mail", "worker-1", 10)) == (state is MailState.WAITING)
        assert store.proofs.questions("mail", 10) == []

    def test_proof_for_some_leaves_the_question_open_for_the_others(self, make_store: MakeStore) -> None:
        store, claim = self.unknown(
            make_store, "a@example.com", "b@example.com", of=replace(OR_AGAIN, evidence_for=0.0)
        )
        found = store.proofs.take("mail", claim.mail_id, {"a@example.com": Proof.DELIVERED}, "the log says so")
        assert (found.verdict, found.state) == (Verdict.SETTLED, MailState.UNKNOWN)
        assert store.proofs.questions("mail", 10)[0].unknown == ("b@example.com",)
        store.sweep("mail")
        store.reschedule(claim.mail_id, time.time() - HOUR)
        assert claimed(store).recipients == {"a@example.com": "accepted", "b@example.com": "unknown"}

    def test_whoever_surely_has_not_got_it_is_mailed_again_and_nobody_else(self, make_store: MakeStore) -> None:
        store, claim = self.unknown(make_store, "a@example.com", "b@example.com")
        told = {"a@example.com": Proof.DELIVERED, "b@example.com": Proof.NOT_DELIVERED}
        assert store.proofs.take("mail", claim.mail_id, told, "the log says so").state is MailState.WAITING
        assert claimed(store).recipients == {"a@example.com": "accepted", "b@example.com": "pending"}

    def test_proof_is_taken_of_a_parked_mail_and_of_one_that_waits_for_its_resend(self, make_store: MakeStore) -> None:
        for of in (PROVEN, OR_AGAIN):
            store, claim = self.unknown(make_store, of=replace(of, evidence_for=0.0))
            store.sweep("mail")
            found = store.proofs.take("mail", claim.mail_id, {"zoe@example.com": Proof.DELIVERED}, "a DSN says so")
            assert (found.verdict, found.state) == (Verdict.SETTLED, MailState.SENT)

    def test_proof_that_answers_an_older_question_changes_nothing(self, make_store: MakeStore) -> None:
        store, claim = self.unknown(make_store)
        told = {"zoe@example.com": Proof.NOT_DELIVERED}
        found = store.proofs.take("mail", claim.mail_id, told, "an old log", fence=claim.fence - 1)
        assert (found.verdict, found.state) == (Verdict.OVERTAKEN, MailState.UNKNOWN)

    def test_proof_comes_too_late_for_a_mail_that_a_worker_has(self, make_store: MakeStore) -> None:
        store, claim = self.unknown(make_store)
        store.resolve(claim.mail_id, MailState.WAITING)
        claimed(store)
        found = store.proofs.take("mail", claim.mail_id, {"zoe@example.com": Proof.DELIVERED}, "the log says so")
        assert (found.verdict, found.state) == (Verdict.OVERTAKEN, MailState.CLAIMED)

    def test_proof_of_a_mail_that_nobody_knows_is_gone(self, store: Store) -> None:
        added(store)
        assert store.proofs.take("mail", new_mail_id(), {}, "the log says so") == (Verdict.GONE, None)

    @pytest.mark.parametrize("state", [MailState.SENT, MailState.WAITING])
    def test_a_person_need_not_wait_for_proof(self, make_store: MakeStore, state: MailState) -> None:
        store, claim = self.unknown(make_store)
        assert store.resolve(claim.mail_id, state, "Zoë says so") is state
        assert state_of(store, claim.mail_id) is state
        assert store.list_mails("mail", MailState.UNKNOWN) == []

    @pytest.mark.parametrize("state", [MailState.SENT, MailState.WAITING, MailState.FAILED])
    def test_a_reply_that_was_read_and_is_told_late_is_the_truth(self, make_store: MakeStore, state: MailState) -> None:
        store = make_store(classes={**SHIPPED_CLASSES, "proven": PROVEN}, takeover=AT_ONCE)
        claim = at_dot(store, an_email(mail_class="proven"))
        store.sweep("mail")
        assert store.take_evidence(told(claim, state)) is Verdict.SETTLED
        assert state_of(store, claim.mail_id) is state

    def test_whoever_hears_that_proof_is_due_asks_and_others_do_not(self, make_store: MakeStore) -> None:
        store, _ = self.unknown(make_store)
        assert [store.proofs.due("mail", HOUR) for _ in range(2)] == [True, False]
        assert not store.proofs.due("mail.bulk", HOUR)

    def test_of_many_questions_so_many_are_asked_at_once(self, make_store: MakeStore) -> None:
        for _ in range(5):
            store, _ = self.unknown(make_store)
        assert len(store.proofs.questions("mail", 3)) <= 3
        assert len(store.proofs.questions("mail", 5)) == 5

    def test_after_a_restore_it_is_parked_if_it_may_go_only_once(self, make_store: MakeStore) -> None:
        for of, parked in ((PROVEN, 1), (OR_AGAIN, 0)):
            store = make_store(classes={**SHIPPED_CLASSES, "proven": of})
            added(store, an_email(mail_class="proven"))
            assert store.park_after_restore("mail", time.time() + HOUR) == parked


def told_before_a_restore(email: Email, *accepted: str) -> Evidence:
    """Of the first claim, which the restored data does not know, or has given again."""
    claim = Claim(email, 1, {}, 0, 0, 0, HOUR, owner="worker-of-the-old-data", epoch="0" * 32)
    states = dict.fromkeys(accepted, RecipientState.ACCEPTED)
    return evidence_of(Settlement(claim, MailState.SENT, recipients=states))


class Epochs:
    """The ledger's data, told from other data."""

    def test_its_mark_stays(self, make_store: MakeStore) -> None:
        assert make_store().epoch() == make_store().epoch()

    def test_a_claim_says_whose_it_is(self, store: Store) -> None:
        assert claimed(store, an_email()).epoch == store.epoch()

    def test_a_first_look_and_those_after_it_find_no_change(self, store: Store) -> None:
        remembered, change = store.look(None)
        assert change is None
        again, change = store.look(remembered)
        assert (again.mark, change) == (store.epoch(), None)
        assert again.pulse > remembered.pulse

    def test_another_mark_is_a_change_that_every_worker_sees_and_that_is_written_down_once(self, store: Store) -> None:
        before = Epoch("e" * 32, 7)
        for _ in range(2):
            now, change = store.look(before)
            assert change is not None
            assert (change.was, change.mark, change.why) == (before.mark, now.mark, "wiped or exchanged")
        assert store.epoch_changes() == [change]

    def test_a_pulse_that_has_shrunk_is_a_restore_and_makes_a_new_mark(self, store: Store) -> None:
        remembered, _ = store.look(None)
        now, change = store.look(replace(remembered, pulse=remembered.pulse + 10))
        assert change is not None
        assert change.why == "restored"
        assert now.mark != remembered.mark
        _, change = store.look(remembered)  # another worker
        assert change is not None
        assert change.why == "restored"
        assert len(store.epoch_changes()) == 1

    def test_a_restore_is_told_to_those_who_come_later_until_somebody_has_done_what_it_asks_for(
        self, store: Store
    ) -> None:
        """Whoever found it was killed before it had parked anything."""
        remembered, _ = store.look(None)
        now, change = store.look(replace(remembered, pulse=remembered.pulse + 10))
        assert change is not None
        for seen in (None, now):
            _, again = store.look(seen)
            assert again is not None
            assert (again.at, again.mark, again.why) == (change.at, now.mark, "restored")
        store.restore_is_over("another mark")
        assert store.look(None)[1] is not None
        store.restore_is_over(now.mark)
        assert [store.look(seen)[1] for seen in (None, now)] == [None, None]
        assert len(store.epoch_changes()) == 1

    def test_after_a_restore_what_may_go_only_once_is_parked(self, store: Store) -> None:
        ids = added(store, *[an_email(queue="mail", mail_class="bulk" if n % 2 else "otp") for n in range(6)])
        assert store.park_after_restore("mail", time.time() + HOUR) == 3
        assert store.park_after_restore("mail", time.time() + HOUR) == 0
        assert [state_of(store, one) for one in ids] == ["waiting", "parked"] * 3

    def test_what_was_added_after_the_restore_goes_on(self, store: Store) -> None:
        added(store, an_email(queue="mail", mail_class="bulk"))
        assert store.park_after_restore("mail", time.time() - HOUR) == 0

    @pytest.mark.parametrize("meanwhile", ["nothing", "parked", "claimed", "deferred under the same fence"])
    def test_what_was_accepted_before_a_restore_is_sent_whatever_its_fence(self, store: Store, meanwhile: str) -> None:
        email = an_email(mail_class="bulk", queue="mail")
        store.add([email])
        if meanwhile == "parked":
            store.park_after_restore("mail", time.time() + HOUR)
        elif meanwhile != "nothing":
            claim = claimed(store)
            if meanwhile != "claimed":
                store.settle([Settlement(claim, MailState.WAITING, fault=GREYLISTED)])
        accepted = told_before_a_restore(email, "zoe@example.com")
        assert store.take_evidence(accepted, before_restore=True) is Verdict.SETTLED
        assert store.take_evidence(accepted, before_restore=True) is Verdict.KNOWN
        assert state_of(store, email.id) is MailState.SENT
        assert store.claim("mail", "worker-1", 10) == []

    def test_who_had_accepted_it_before_a_restore_is_not_mailed_again(self, store: Store) -> None:
        email = an_email("a@example.com", "b@example.com")
        heir = claimed(store, email)
        accepted = replace(told_before_a_restore(email, "a@example.com"), state=MailState.WAITING)
        assert store.take_evidence(accepted, before_restore=True) is Verdict.PARTLY
        assert store.take_evidence(accepted, before_restore=True) is Verdict.OVERTAKEN
        with pytest.raises(FenceRejected):
            store.begin_dot([heir])
        again = claimed(store)
        assert again.recipients == {"a@example.com": RecipientState.ACCEPTED, "b@example.com": RecipientState.PENDING}

    def test_a_setback_before_a_restore_changes_nothing(self, store: Store) -> None:
        claim = at_dot(store, an_email())
        refused = replace(told_before_a_restore(claim.email, "zoe@example.com"), state=MailState.FAILED)
        refused = replace(refused, recipients={"zoe@example.com": RecipientState.REFUSED})
        assert store.take_evidence(refused, before_restore=True) is Verdict.OVERTAKEN
        assert state_of(store, claim.mail_id) is MailState.AT_DOT

    def test_an_acceptance_before_a_restore_waits_while_the_mail_is_at_its_dot(self, store: Store) -> None:
        claim = at_dot(store, an_email())
        accepted = told_before_a_restore(claim.email, "zoe@example.com")
        assert store.take_evidence(accepted, before_restore=True) is Verdict.LATER

    def test_a_fence_that_is_given_twice_is_of_the_second_owner(self, store: Store) -> None:
        """A restored ledger counts its fences again from where they were."""
        claim = claimed(store, an_email())
        with pytest.raises(FenceRejected):
            store.begin_dot([replace(claim, owner="worker-of-the-old-data")])
        store.begin_dot([claim])

    def test_nor_is_it_settled_by_the_first_owner(self, store: Store) -> None:
        claim = at_dot(store, an_email())
        old = replace(claim, owner="worker-of-the-old-data")
        for state in (MailState.SENT, MailState.WAITING, MailState.CLAIMED):
            with pytest.raises(FenceRejected):
                store.settle([Settlement(old, state)])
        assert state_of(store, claim.mail_id) is MailState.AT_DOT
        store.settle([Settlement(claim, MailState.WAITING)])
        with pytest.raises(FenceRejected):  # and what the second has said is not the answer to the first
            store.settle([Settlement(old, MailState.SENT)])
        store.settle([Settlement(claim, MailState.WAITING)])

    @pytest.mark.parametrize("state", [MailState.WAITING, MailState.FAILED])
    def test_nor_is_a_setback_of_the_first_owner_the_second_ones(self, store: Store, state: MailState) -> None:
        claim = at_dot(store, an_email())
        assert store.take_evidence(told(replace(claim, owner="of the old data"), state)) is Verdict.OVERTAKEN
        assert store.take_evidence(told(replace(claim, owner="of the old data"), MailState.SENT)) is Verdict.LATER
        assert state_of(store, claim.mail_id) is MailState.AT_DOT
        store.settle([Settlement(claim, MailState.WAITING, fault=GREYLISTED)])
        assert store.take_evidence(told(replace(claim, owner="of the old data"), MailState.SENT)) is Verdict.SETTLED

    @pytest.mark.parametrize("state", [MailState.SENT, MailState.FAILED, MailState.WAITING])
    def test_nor_is_the_end_of_the_second_ones_mail_the_answer_to_the_first(
        self, store: Store, state: MailState
    ) -> None:
        claim = at_dot(store, an_email())
        ended = Settlement(claim, MailState.SENT, recipients={"zoe@example.com": RecipientState.ACCEPTED})
        store.settle([ended])
        with pytest.raises(FenceRejected):
            store.settle([Settlement(replace(claim, owner="worker-of-the-old-data"), state)])
        store.settle([ended])  # said again by whoever has said it

    def test_nor_is_what_the_first_owner_has_read_known_by_what_the_second_one_settled(self, store: Store) -> None:
        """A third claim is out, and nobody has seen the restore yet."""
        second = at_dot(store, an_email())
        store.settle([Settlement(second, MailState.WAITING, fault=GREYLISTED)])
        assert store.take_evidence(told(second, MailState.WAITING)) is Verdict.KNOWN
        third = claimed(store)
        first = replace(second, owner="worker-of-the-old-data")
        assert store.take_evidence(told(first, MailState.WAITING)) is Verdict.OVERTAKEN
        assert store.take_evidence(told(first, MailState.SENT)) is Verdict.SETTLED
        with pytest.raises(FenceRejected):
            store.begin_dot([third])

    def test_nor_does_the_first_owner_renew_it(self, make_store: MakeStore) -> None:
        store = make_store(takeover=AT_ONCE)
        claim = claimed(store, an_email())
        patient = make_store(takeover=Takeover(lease=HOUR))
        patient.renew([replace(claim, owner="worker-of-the-old-data")])
        assert store.sweep("mail").leases_over == 1

    def test_two_claims_of_one_worker_have_two_owners(self, make_store: MakeStore) -> None:
        """A worker's other slot may be the one that the fence is given to a second time."""
        store = make_store(takeover=AT_ONCE)
        first = claimed(store, an_email())
        store.sweep("mail")
        again = claimed(store)
        assert first.owner != again.owner
        with pytest.raises(FenceRejected):
            store.settle([Settlement(replace(first, fence=again.fence), MailState.WAITING)])
        assert state_of(store, again.mail_id) is MailState.CLAIMED


class People:
    def test_a_waiting_mail_is_taken_back(self, store: Store) -> None:
        mail_id = added(store, an_email(send_at=time.time() + HOUR))[0]
        assert store.cancel(mail_id) is MailState.CANCELLED
        assert store.cancel(mail_id) is MailState.CANCELLED
        assert state_of(store, mail_id) is MailState.CANCELLED
        assert [mail.mail_id for mail in store.list_mails("mail", MailState.CANCELLED)] == [mail_id]

    def test_a_claimed_mail_cannot_be_taken_back(self, store: Store) -> None:
        claim = claimed(store, an_email())
        assert store.cancel(claim.mail_id) is MailState.CLAIMED
        store.begin_dot([claim])

    def test_a_mail_nobody_knows_cannot_be_taken_back(self, store: Store) -> None:
        added(store, an_email())
        with pytest.raises(MailNotFound, match="no-such-mail"):
            store.cancel("no-such-mail")

    @pytest.mark.parametrize("state", [MailState.FAILED, MailState.EXPIRED, MailState.QUARANTINED])
    def test_a_dead_letter_that_is_sent_again_starts_afresh(self, store: Store, state: MailState) -> None:
        claim = claimed(store, an_email("a@example.com", "b@example.com", mail_class="otp"))
        states = {"a@example.com": RecipientState.ACCEPTED, "b@example.com": RecipientState.REFUSED}
        store.settle([Settlement(claim, state, recipients=states, composed=b"octets")])
        assert store.resolve(claim.mail_id, MailState.WAITING, "typo corrected") is MailState.WAITING
        again = claimed(store)
        assert again.recipients == {"a@example.com": "accepted", "b@example.com": "pending"}
        assert (again.attempt, again.crashes, again.composed) == (0, 0, b"octets")
        assert again.deadline_in == pytest.approx(600, abs=120)
        status = store.status(claim.mail_id)
        assert status is not None
        assert status.history[-1]["why"] == "typo corrected"

    @pytest.mark.parametrize(("state", "recipient"), [(MailState.SENT, "accepted"), (MailState.DISCARDED, "unknown")])
    def test_a_parked_mail_ends_as_a_person_decides(self, store: Store, state: MailState, recipient: str) -> None:
        claim = at_dot(store, an_email(mail_class="bulk"))
        unknown = {"zoe@example.com": RecipientState.UNKNOWN}
        store.settle([Settlement(claim, MailState.UNKNOWN, recipients=unknown)])
        assert store.resolve(claim.mail_id, state) is state
        assert store.resolve(claim.mail_id, state) is state
        status = store.status(claim.mail_id)
        assert status is not None
        assert (status.state, status.recipients) == (state, {"zoe@example.com": recipient})
        assert store.counts("mail")[state] == 1
        assert store.list_mails("mail", MailState.PARKED) == []

    def test_a_parked_mail_that_is_sent_again_may_be_lost_and_parked_again(self, make_store: MakeStore) -> None:
        store = make_store(takeover=AT_ONCE)
        claim = at_dot(store, an_email(mail_class="bulk"))
        store.sweep("mail")
        store.resolve(claim.mail_id, MailState.WAITING)
        assert at_dot(store).recipients == {"zoe@example.com": RecipientState.PENDING}
        assert store.sweep("mail").parked == 1

    @pytest.mark.parametrize("state", [MailState.WAITING, MailState.SENT, MailState.DISCARDED])
    def test_a_mail_that_a_worker_has_is_not_for_people_to_move(self, store: Store, state: MailState) -> None:
        claim = claimed(store, an_email())
        with pytest.raises(StoreError, match="nobody can take a mail from claimed"):
            store.resolve(claim.mail_id, state)
        store.begin_dot([claim])

    def test_a_dead_letter_cannot_be_declared_sent(self, store: Store) -> None:
        claim = claimed(store, an_email())
        store.settle([Settlement(claim, MailState.FAILED)])
        with pytest.raises(StoreError, match="from failed to sent"):
            store.resolve(claim.mail_id, MailState.SENT)

    def test_a_mail_nobody_knows_cannot_be_decided_on(self, store: Store) -> None:
        with pytest.raises(MailNotFound):
            store.resolve(new_mail_id(), MailState.DISCARDED)

    def test_every_mail_is_counted_in_its_state(self, store: Store) -> None:
        store.settle([Settlement(at_dot(store, an_email()), MailState.SENT)])
        store.settle([Settlement(claimed(store, an_email()), MailState.FAILED)])
        at_dot(store, an_email())
        claimed(store, an_email())
        waiting, cancelled = added(store, an_email(), an_email())
        store.cancel(cancelled)
        some = (MailState.WAITING, MailState.CLAIMED, MailState.AT_DOT, MailState.SENT, MailState.FAILED)
        counts = store.counts("mail")
        assert {state: counts[state] for state in some} == dict.fromkeys(some, 1)
        assert counts[MailState.CANCELLED] == 1
        assert [mail.mail_id for mail in store.list_mails("mail", MailState.WAITING)] == [waiting]

    def test_a_list_is_no_longer_than_asked_for_and_those_that_are_sent_are_in_none(self, store: Store) -> None:
        added(store, *(an_email() for _ in range(3)))
        assert len(store.list_mails("mail", MailState.WAITING, limit=2)) == 2
        assert store.list_mails("mail", MailState.SENT) == []

    def test_queues_are_known_by_their_mails_and_their_workers(self, store: Store) -> None:
        assert store.queues() == ()
        added(store, an_email(queue="mail.urgent"))
        store.register_worker(a_worker(queues=("mail", "mail.bulk")), ttl=60)
        assert store.queues() == ("mail", "mail.bulk", "mail.urgent")

    def test_a_suppressed_address_is_found_whatever_its_case(self, store: Store) -> None:
        store.suppress("Zoe@Example.com", "hard bounce")
        assert store.suppressed(["zoe@example.com", "ok@example.com"]) == {"zoe@example.com": "hard bounce"}
        assert store.suppressed([]) == {}

    def test_whoever_is_suppressed_when_a_mail_is_added_is_not_mailed_by_it(self, store: Store) -> None:
        store.suppress("ann@example.com", "asked for it")
        claim = claimed(store, an_email("Ann@example.com", "zoe@example.com"))
        assert claim.recipients == {"Ann@example.com": "suppressed", "zoe@example.com": "pending"}

    def test_whoever_is_suppressed_after_that_is_so_in_the_claim(self, store: Store) -> None:
        email = an_email("Ann@example.com", "zoe@example.com")
        added(store, email)
        store.suppress("ann@Example.com", "hard bounce")
        claim = claimed(store)
        assert claim.recipients == {"Ann@example.com": "suppressed", "zoe@example.com": "pending"}
        known = store.status(email.id)
        assert known is not None
        assert (
            known.recipients == claim.recipients
        )  # whoever asks after the call is told, whether a worker was quicker or not

    def test_whoever_has_accepted_a_mail_is_told_so_though_suppressed_since(self, store: Store) -> None:
        claim = at_dot(store, an_email("ann@example.com", "zoe@example.com"))
        states = {"ann@example.com": RecipientState.ACCEPTED, "zoe@example.com": RecipientState.DEFERRED}
        store.settle([Settlement(claim, MailState.WAITING, recipients=states)])
        store.suppress("ann@example.com", "asked for it")
        store.suppress("zoe@example.com", "asked for it")
        assert claimed(store).recipients == {"ann@example.com": "accepted", "zoe@example.com": "suppressed"}

    def test_whoever_has_unsubscribed_from_a_list_is_mailed_by_all_others(self, store: Store) -> None:
        store.suppress("Zoe@example.com", "unsubscribed", "default/bulk")
        assert store.suppressed(["zoe@example.com"]) == {}
        assert store.suppressed(["zoe@example.com"], "default/bulk") == {"zoe@example.com": "unsubscribed"}
        assert store.suppressed(["zoe@example.com"], "shop/bulk") == {}
        assert claimed(store, an_email(mail_class="bulk")).recipients == {"zoe@example.com": "suppressed"}
        assert claimed(store, an_email(mail_class="otp")).recipients == {"zoe@example.com": "pending"}
        assert claimed(store, an_email(mail_class="bulk", tenant="shop")).recipients == {"zoe@example.com": "pending"}

    @pytest.mark.parametrize("tenant", ["default", "shop"])
    def test_whoever_unsubscribes_while_mails_wait_is_not_mailed_by_that_list(self, store: Store, tenant: str) -> None:
        added(store, an_email(mail_class="bulk", tenant=tenant), an_email(tenant=tenant), an_email(mail_class="bulk"))
        store.suppress("zoe@example.com", "unsubscribed", f"{tenant}/bulk")
        states = {(c.email.mail_class, c.email.tenant): [*c.recipients.values()] for c in store.claim("mail", "w", 10)}
        assert states == {
            ("transactional", tenant): ["pending"],
            ("bulk", "default"): ["suppressed" if tenant == "default" else "pending"],
            ("bulk", tenant): ["suppressed"],
        }

    def test_a_class_that_is_no_list_any_more_is_mailed_again(self, store: Store, make_store: MakeStore) -> None:
        store.suppress("zoe@example.com", "unsubscribed", "default/bulk")
        bulk = replace(SHIPPED_CLASSES["bulk"], list_unsubscribe=False)
        other = make_store(classes={**SHIPPED_CLASSES, "bulk": bulk})
        assert claimed(other, an_email(mail_class="bulk")).recipients == {"zoe@example.com": "pending"}

    def test_whoever_is_suppressed_for_all_mails_is_so_for_a_list(self, store: Store) -> None:
        store.suppress("zoe@example.com", "hard bounce")
        store.suppress("zoe@example.com", "unsubscribed", "default/bulk")
        assert store.suppressed(["zoe@example.com"], "default/bulk") == {"zoe@example.com": "hard bounce"}

    def test_an_address_that_looks_like_one_with_a_list_is_nobody_else(self, store: Store) -> None:
        store.suppress('"default/bulk zoe"@example.com', "hard bounce")
        assert store.suppressed(["zoe@example.com"], "default/bulk") == {}
        assert store.suppressed(['"default/bulk zoe"@example.com']) == {'"default/bulk zoe"@example.com': "hard bounce"}

    def test_the_epoch_is_one_for_all_and_stays(self, store: Store, make_store: MakeStore) -> None:
        assert store.epoch() == make_store().epoch() == store.epoch()
        assert store.epoch() != make_store(namespace="another").epoch()

    def test_ledgers_with_other_namespaces_do_not_meet(self, store: Store, make_store: MakeStore) -> None:
        added(store, an_email())
        assert make_store(namespace="another").claim("mail", "worker-1", 10) == []


class Incidents:
    """What an operator does while something is wrong."""

    QUEUE, TENANT = Pause("queue", "mail"), Pause("tenant", "shop")

    def test_a_paused_queue_takes_mail_in_and_gives_none_out(self, store: Store) -> None:
        store.pause(self.QUEUE, "the relay is on fire")
        result = store.add([an_email()])
        assert result.bells == {}
        assert store.claim("mail", "worker-1", 10) == []
        assert store.sweep("mail").bells == ()
        assert store.pauses() == {self.QUEUE: "the relay is on fire"}

    def test_a_slot_may_leave_a_paused_queue_though_mail_is_due(self, store: Store) -> None:
        result = store.add([an_email()])
        (bell,) = result.bells["mail"]
        store.answer("mail", bell, "worker-1", 0)
        store.pause(self.QUEUE, "why")
        assert store.answer("mail", bell, "worker-1", 10) is None

    def test_a_queue_that_goes_on_gives_out_what_waited(self, store: Store) -> None:
        store.pause(self.QUEUE, "why")
        added(store)
        store.resume(self.QUEUE)
        assert store.sweep("mail").due == 1
        assert len(store.claim("mail", "worker-1", 10)) == 1
        assert store.pauses() == {}

    def test_a_pause_holds_for_every_process_and_other_queues_go_on(self, store: Store, make_store: MakeStore) -> None:
        store.pause(self.QUEUE, "why")
        other = make_store()
        added(other, an_email(), an_email(queue="mail.urgent"))
        assert other.claim("mail", "worker-1", 10) == []
        assert len(other.claim("mail.urgent", "worker-1", 10)) == 1

    def test_mails_that_wait_for_a_pause_are_due_when_it_is_over_and_no_attempt_was_spent(self, store: Store) -> None:
        store.pause(self.TENANT, "unpaid")
        claim = claimed(store, an_email())
        store.settle([Settlement(claim, MailState.WAITING, due_in=HOUR, spent=Spent.NOTHING, held_by=str(self.TENANT))])
        cancelled = claimed(store, an_email())
        store.settle(
            [Settlement(cancelled, MailState.WAITING, due_in=HOUR, spent=Spent.NOTHING, held_by=str(self.TENANT))]
        )
        store.cancel(cancelled.mail_id)
        assert store.claim("mail", "worker-1", 10) == []
        assert store.resume(self.TENANT) == 1
        (again,) = store.claim("mail", "worker-1", 10)
        assert (again.mail_id, again.attempt) == (claim.mail_id, 0)

    def test_a_mail_that_was_held_a_moment_after_the_pause_was_over_is_found_by_the_sweeper(self, store: Store) -> None:
        """A worker looks once a second, so it may not know yet; and one who resumes may end half way."""
        store.pause(self.TENANT, "unpaid")
        claim = claimed(store, an_email())
        store.resume(self.TENANT)
        store.settle([Settlement(claim, MailState.WAITING, due_in=HOUR, spent=Spent.NOTHING, held_by=str(self.TENANT))])
        assert store.claim("mail", "worker-1", 10) == []
        assert store.sweep("mail").due == 1
        assert len(store.claim("mail", "worker-1", 10)) == 1

    def test_the_sweeper_leaves_alone_what_is_still_paused(self, store: Store) -> None:
        store.pause(self.TENANT, "unpaid")
        claim = claimed(store, an_email())
        store.settle([Settlement(claim, MailState.WAITING, due_in=HOUR, spent=Spent.NOTHING, held_by=str(self.TENANT))])
        assert store.sweep("mail").due == 0

    def test_a_mail_that_was_rescheduled_waits_for_no_pauses_end(self, store: Store) -> None:
        store.pause(self.TENANT, "unpaid")
        claim = claimed(store, an_email())
        store.settle([Settlement(claim, MailState.WAITING, due_in=HOUR, spent=Spent.NOTHING, held_by=str(self.TENANT))])
        store.reschedule(claim.mail_id, time.time() + HOUR)
        assert store.resume(self.TENANT) == 0
        assert store.claim("mail", "worker-1", 10) == []

    def test_saying_it_twice_is_saying_it_once(self, store: Store) -> None:
        store.pause(self.TENANT, "one")
        store.pause(self.TENANT, "other")
        assert store.pauses() == {self.TENANT: "other"}
        assert [store.resume(self.TENANT), store.resume(self.TENANT)] == [0, 0]

    def test_a_waiting_mail_gets_another_time(self, store: Store) -> None:
        (mail_id,) = added(store)
        assert store.reschedule(mail_id, time.time() + HOUR) is MailState.WAITING
        assert store.claim("mail", "worker-1", 10) == []
        assert store.reschedule(mail_id, time.time() - HOUR) is MailState.WAITING
        assert len(store.claim("mail", "worker-1", 10)) == 1
        assert history_of(store, mail_id) == ["waiting", "waiting"]

    def test_no_mail_is_rescheduled_past_its_end(self, store: Store) -> None:
        (mail_id,) = added(store, an_email(expires_at=time.time() + HOUR))
        with pytest.raises(StoreError, match="would expire before that"):
            store.reschedule(mail_id, time.time() + 2 * HOUR)
        assert len(store.claim("mail", "worker-1", 10)) == 1

    def test_a_mail_that_a_worker_has_is_not_rescheduled(self, store: Store) -> None:
        claim = claimed(store, an_email())
        assert store.reschedule(claim.mail_id, time.time() + HOUR) is MailState.CLAIMED

    def test_a_mail_nobody_knows_is_not_rescheduled(self, store: Store) -> None:
        with pytest.raises(MailNotFound):
            store.reschedule(new_mail_id(), time.time())

    def dead(self, store: Store, *to: str) -> str:
        claim = claimed(store, an_email(*to))
        refused = dict.fromkeys(claim.recipients, RecipientState.REFUSED)
        store.settle([Settlement(claim, MailState.FAILED, recipients=refused, composed=b"To: zoe@example.com")])
        return claim.mail_id

    def test_a_dead_letter_is_sent_again_to_another_address(self, store: Store) -> None:
        mail_id = self.dead(store, "zoe@exmaple.com", "bob@example.com")
        edits = {"zoe@exmaple.com": Address.parse("Zoë <zoe@example.com>")}
        assert store.resolve(mail_id, MailState.WAITING, "a typo", readdress=edits) is MailState.WAITING
        (claim,) = store.claim("mail", "worker-1", 10)
        assert set(claim.recipients) == {"zoe@example.com", "bob@example.com"}
        assert [str(one) for one in claim.email.to] == ["Zoë <zoe@example.com>", "bob@example.com"]
        assert claim.composed is None, "the old octets name the old address"

    def test_nobody_who_has_it_gets_it_again_in_place_of_another(self, store: Store) -> None:
        claim = at_dot(store, an_email("a@example.com", "b@example.com", "c@example.com"))
        states = {
            "a@example.com": RecipientState.ACCEPTED,
            "b@example.com": RecipientState.REFUSED,
            "c@example.com": RecipientState.REFUSED,
        }
        store.settle([Settlement(claim, MailState.FAILED, recipients=states)])
        with pytest.raises(StoreError, match="has accepted the mail"):
            store.resolve(claim.mail_id, MailState.WAITING, readdress={"b@example.com": Address.parse("a@example.com")})
        assert state_of(store, claim.mail_id) is MailState.FAILED
        edits = {"b@example.com": Address.parse("c@example.com")}  # who has not is mailed once
        store.resolve(claim.mail_id, MailState.WAITING, readdress=edits)
        assert claimed(store).recipients == {"a@example.com": "accepted", "c@example.com": "pending"}

    def test_nobody_is_readdressed_who_has_it_or_is_no_recipient(self, store: Store) -> None:
        claim = claimed(store, an_email("zoe@example.com", "bob@example.com"))
        store.begin_dot([claim])
        done = {"zoe@example.com": RecipientState.ACCEPTED, "bob@example.com": RecipientState.REFUSED}
        store.settle([Settlement(claim, MailState.FAILED, recipients=done)])
        new = Address.parse("new@example.com")
        for old in ("zoe@example.com", "nobody@example.com"):
            with pytest.raises(StoreError, match=old):
                store.resolve(claim.mail_id, MailState.WAITING, readdress={old: new})
        assert state_of(store, claim.mail_id) is MailState.FAILED

    def test_a_dead_letter_may_be_sent_again_later(self, store: Store) -> None:
        mail_id = self.dead(store)
        store.resolve(mail_id, MailState.WAITING, due_in=HOUR)
        assert store.claim("mail", "worker-1", 10) == []
        store.reschedule(mail_id, time.time() - HOUR)
        assert len(store.claim("mail", "worker-1", 10)) == 1

    def test_a_long_list_is_read_in_pages(self, store: Store) -> None:
        ids = {self.dead(store) for _ in range(5)}
        pages = [store.list_mails("mail", MailState.FAILED, limit=2, skip=skip) for skip in (0, 2, 4, 6)]
        assert [len(page) for page in pages] == [2, 2, 1, 0]
        assert {mail.mail_id for page in pages for mail in page} == ids


class StoreConformance(
    Enqueue,
    Attachments,
    Bells,
    Claims,
    TheDot,
    Legs,
    Settlements,
    LateReplies,
    EvidenceFirst,
    Epochs,
    People,
    Incidents,
):
    """All of it."""
