"""What of an attempt goes into the journal when the ledger does not take its settlement."""

from __future__ import annotations

from unittest import mock

import pytest
from couriers import courier_with
from test_attempt import ANN, BOB, GREYLISTED, LOST_REPLY, accepted, an_attempt

from notifier.delivery.attempt import Attempt
from notifier.errors import FenceRejected, StoreUnavailable
from notifier.model.outcome import Outcome, RecipientState
from notifier.model.state import MailState
from notifier.store.evidence import Evidence

AWAY = StoreUnavailable("away")


def settled_without_a_ledger(
    attempt: Attempt, *, journal_takes: bool = True, answer: Exception = AWAY
) -> list[Evidence]:
    """What the journal was given. Raises what the ledger did where nothing was kept."""
    kept: list[Evidence] = []

    def keep(evidence: Evidence) -> bool:
        kept.append(evidence)
        return journal_takes

    courier = courier_with(store=mock.Mock(settle=mock.Mock(side_effect=answer)), keep=keep)
    courier._settle_leg(attempt)
    return kept


def test_an_acceptance_is_kept() -> None:
    attempt = an_attempt(ANN)
    attempt.leg_over(accepted(ANN))
    (kept,) = settled_without_a_ledger(attempt)
    assert (kept.state, kept.recipients) == (MailState.SENT, {ANN: RecipientState.ACCEPTED})
    assert (kept.attempt, kept.fence, kept.reply) == (1, 1, "250 ok")


def test_a_reply_that_came_when_the_mail_had_been_taken_over_is_kept() -> None:
    attempt = an_attempt(ANN)
    attempt.leg_over(accepted(ANN))
    too_late = FenceRejected([attempt.claim.mail_id])
    (kept,) = settled_without_a_ledger(attempt, answer=too_late)
    assert (kept.state, kept.recipients) == (MailState.SENT, {ANN: RecipientState.ACCEPTED})


def test_where_a_reply_is_lost_those_that_were_read_are_kept() -> None:
    attempt = an_attempt(ANN, BOB)
    attempt.legs.pop()
    lost = Outcome.for_all(0, (BOB,), LOST_REPLY, terminator_sent=True)
    attempt.leg_over(lost._replace(recipients={**accepted(ANN).recipients, **lost.recipients}))
    (kept,) = settled_without_a_ledger(attempt)
    assert kept.state is MailState.UNKNOWN
    assert kept.recipients == {ANN: RecipientState.ACCEPTED, BOB: RecipientState.UNKNOWN}


def test_between_two_legs_the_others_wait_for_a_ledger_that_can_record_their_dot() -> None:
    attempt = an_attempt(ANN, BOB)
    attempt.leg_over(accepted(ANN))
    (kept,) = settled_without_a_ledger(attempt)
    assert (kept.state, kept.recipients) == (MailState.WAITING, {ANN: RecipientState.ACCEPTED})
    assert attempt.over


def test_what_was_not_at_its_dot_is_left_to_its_lease() -> None:
    attempt = an_attempt(ANN)
    attempt.leg_over(Outcome.for_all(0, (ANN,), GREYLISTED))
    with pytest.raises(StoreUnavailable):
        settled_without_a_ledger(attempt)


def test_an_unknown_outcome_is_left_to_the_sweeper() -> None:
    attempt = an_attempt(ANN)
    attempt.leg_over(Outcome.for_all(0, (ANN,), LOST_REPLY, terminator_sent=True))
    with pytest.raises(StoreUnavailable):
        settled_without_a_ledger(attempt)


def test_what_the_journal_does_not_take_is_as_without_one() -> None:
    attempt = an_attempt(ANN, BOB)
    attempt.leg_over(accepted(ANN))
    with pytest.raises(StoreUnavailable):
        settled_without_a_ledger(attempt, journal_takes=False)
