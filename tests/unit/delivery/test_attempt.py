"""A mail whose recipients are reached by several ways: what is decided when, from what became of each leg."""

from __future__ import annotations

from collections import deque
from unittest import mock

from notifier.delivery.attempt import Attempt
from notifier.delivery.routing import Leg
from notifier.errors import ErrorClass, Fault, Phase, RelayUnavailable, Scope, fault_error
from notifier.model.address import Address
from notifier.model.email import Email
from notifier.model.envelope import Envelope, MailObject
from notifier.model.outcome import Outcome, RecipientOutcome, RecipientState
from notifier.model.spent import Spent
from notifier.model.state import MailState
from notifier.retry import DEFAULT_TABLE, Decision, GiveUp, Past, Retry, decide, decide_error
from notifier.store.base import Claim

ANN, BOB = "ann@one.example", "bob@two.example"
GREYLISTED = Fault("R2", ErrorClass.TRANSIENT, Scope.RECIPIENT, Phase.RCPT, "451 later", code=451)
NO_SUCH_USER = Fault("R7", ErrorClass.PERMANENT, Scope.RECIPIENT, Phase.RCPT, "550 no", code=550)
NO_SUCH_DOMAIN = Fault("D2", ErrorClass.PERMANENT, Scope.RECIPIENT, Phase.DNS, "no such domain")
REFUSED = Fault("C1", ErrorClass.TRANSIENT, Scope.HOST, Phase.CONNECT, "connection refused")
LOST_REPLY = Fault("Z5", ErrorClass.UNKNOWN, Scope.MESSAGE, Phase.FINAL_REPLY, "connection lost")
ACCEPTED = RecipientOutcome(RecipientState.ACCEPTED)


def an_attempt(*paths: str) -> Attempt:
    email = Email("id", "welcome", tuple(map(Address.parse, paths)), {}, "key", 0.0)
    claim = Claim(email, 1, dict.fromkeys(paths, RecipientState.PENDING), 0, 0, 0, 3600.0)
    legs = [Leg(mock.sentinel.sessions, (path,)) for path in paths]
    return Attempt(claim, MailObject(Envelope("s@x.example", paths), b"x\r\n"), deque(legs))


def decided(attempt: Attempt, outcome: Outcome) -> Decision:
    claim = attempt.claim
    past = Past(claim.attempt, claim.setbacks, claim.deadline_in, fresh_retry_used=True)
    return decide(outcome, recipients=claim.recipients, past=past, table=DEFAULT_TABLE, rng=lambda: 0.5)


def accepted(path: str) -> Outcome:
    return Outcome(0, {path: ACCEPTED}, reply="250 ok", relay="mx", terminator_sent=True)


def failed(attempt: Attempt, error: Exception) -> None:
    attempt.leg_failed(error, decide_error(error, past=Past(), table=DEFAULT_TABLE, rng=lambda: 0.5))


def end(attempt: Attempt) -> tuple[MailState, float, dict[str, RecipientState], Spent]:
    assert attempt.over
    settlement = attempt.settlement(lambda outcome: decided(attempt, outcome))
    assert settlement is not None
    return settlement.state, settlement.due_in, dict(settlement.recipients), settlement.spent


def test_each_leg_carries_the_mail_to_its_own_recipients() -> None:
    attempt = an_attempt(ANN, BOB)
    assert attempt.message.envelope.forward_paths == (ANN,)
    attempt.leg_over(accepted(ANN))
    assert attempt.message.envelope.forward_paths == (BOB,)


def test_between_two_legs_the_ledger_learns_who_is_done() -> None:
    attempt = an_attempt(ANN, BOB)
    attempt.leg_over(accepted(ANN))
    settlement = attempt.settlement(lambda outcome: decided(attempt, outcome))
    assert settlement is not None
    assert (settlement.state, settlement.recipients) == (MailState.CLAIMED, {ANN: RecipientState.ACCEPTED})


def test_a_leg_without_a_message_leaves_nothing_to_record_before_the_next() -> None:
    attempt = an_attempt(ANN, BOB)
    attempt.leg_over(Outcome(0, {ANN: RecipientOutcome(RecipientState.REFUSED, NO_SUCH_USER)}))
    assert attempt.settlement(lambda outcome: decided(attempt, outcome)) is None


def test_all_accepted_is_sent() -> None:
    attempt = an_attempt(ANN, BOB)
    attempt.leg_over(accepted(ANN))
    attempt.leg_over(accepted(BOB))
    state, _, recipients, _ = end(attempt)
    assert (state, recipients) == (MailState.SENT, dict.fromkeys((ANN, BOB), RecipientState.ACCEPTED))


def test_one_deferred_waits_and_the_other_is_done() -> None:
    attempt = an_attempt(ANN, BOB)
    attempt.leg_over(Outcome(0, {ANN: RecipientOutcome(RecipientState.DEFERRED, GREYLISTED)}))
    attempt.leg_over(accepted(BOB))
    state, due_in, recipients, spent = end(attempt)
    assert (state, spent) == (MailState.WAITING, Spent.ATTEMPT)
    assert due_in > 60
    assert recipients == {ANN: RecipientState.DEFERRED, BOB: RecipientState.ACCEPTED}


def test_an_unknown_leg_is_the_last_for_the_ledger_must_know_first() -> None:
    attempt = an_attempt(ANN, BOB)
    attempt.leg_over(Outcome(0, {ANN: RecipientOutcome(RecipientState.UNKNOWN, LOST_REPLY)}, terminator_sent=True))
    state, _, recipients, _ = end(attempt)
    assert (state, recipients) == (MailState.UNKNOWN, {ANN: RecipientState.UNKNOWN})


def test_a_way_that_cannot_be_tried_now_holds_up_its_own_recipients_alone() -> None:
    attempt = an_attempt(ANN, BOB)
    failed(attempt, RelayUnavailable("its breaker is open", 30.0))
    attempt.leg_over(accepted(BOB))
    state, due_in, recipients, spent = end(attempt)
    assert (state, spent, recipients) == (MailState.WAITING, Spent.NOTHING, {BOB: RecipientState.ACCEPTED})
    assert due_in >= 30


def test_a_relay_that_is_down_spends_no_attempt() -> None:
    attempt = an_attempt(ANN)
    failed(attempt, fault_error(REFUSED))
    state, due_in, recipients, spent = end(attempt)
    assert (state, spent, recipients) == (MailState.WAITING, Spent.NOTHING, {})
    assert due_in > 0


def test_a_recipient_whose_domain_is_not_there_is_refused_for_good_and_the_others_go() -> None:
    attempt = an_attempt(ANN, BOB)
    failed(attempt, fault_error(NO_SUCH_DOMAIN))
    attempt.leg_over(accepted(BOB))
    state, _, recipients, _ = end(attempt)
    assert (state, recipients) == (MailState.SENT, {ANN: RecipientState.REFUSED, BOB: RecipientState.ACCEPTED})


def test_a_mail_for_nobody_else_is_a_dead_letter_then() -> None:
    attempt = an_attempt(ANN)
    failed(attempt, fault_error(NO_SUCH_DOMAIN))
    state, _, recipients, _ = end(attempt)
    assert (state, recipients) == (MailState.FAILED, {ANN: RecipientState.REFUSED})


def test_where_every_way_must_wait_the_longest_wait_counts() -> None:
    attempt = an_attempt(ANN, BOB)
    attempt.leg_failed(RelayUnavailable("a", 5.0), Retry(5.0, spent=Spent.NOTHING))
    attempt.leg_failed(RelayUnavailable("b", 50.0), Retry(50.0, spent=Spent.NOTHING))
    state, due_in, _, spent = end(attempt)
    assert (state, due_in, spent) == (MailState.WAITING, 50.0, Spent.NOTHING)


def test_an_error_that_gives_up_without_a_fault_ends_the_mail() -> None:
    attempt = an_attempt(ANN)
    attempt.leg_failed(ValueError("no relay by that name"), GiveUp())
    state, _, _, _ = end(attempt)
    assert state is MailState.FAILED
