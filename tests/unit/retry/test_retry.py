from __future__ import annotations

import pytest

from notifier.errors import (
    ErrorClass,
    Fault,
    InvalidHeader,
    Phase,
    PoolTimeout,
    RendererUnavailable,
    Scope,
    StoreError,
    TemplateRenderError,
    TransientError,
    fault_error,
)
from notifier.model.outcome import Outcome, RecipientOutcome, RecipientState
from notifier.model.spent import Spent
from notifier.model.state import MailState
from notifier.protocol import taxonomy
from notifier.protocol.reply import Reply
from notifier.retry import DEFAULT_TABLE, Ask, Done, GiveUp, Past, Retry, RetryPolicy, decide, decide_error

A, B = "a@x.example", "b@x.example"
PENDING = {A: RecipientState.PENDING, B: RecipientState.PENDING}
PHASE_OF = {rule.row: rule.phase for rule in taxonomy.RULES} | {
    row: phase for (phase, _), row in taxonomy.LOSSES.items()
}


def fault(row: str) -> Fault:
    return taxonomy.fault(row, PHASE_OF.get(row, Phase.MAIL), "words", host="relay")


def outcome(*verdicts: str, sent: bool = True) -> Outcome:
    """A verdict is ``ok`` or a taxonomy row."""
    recipients = {}
    for path, row in zip((A, B), verdicts, strict=False):
        if row == "ok":
            recipients[path] = RecipientOutcome(RecipientState.ACCEPTED)
        else:
            recipients[path] = Outcome.for_all(0, [path], fault(row)).recipients[path]
    return Outcome(0, recipients, terminator_sent=sent)


def decision(
    what: Outcome, *, attempt: int = 0, setbacks: int = 0, deadline_in: float = 1e6, fresh_used: bool = False
) -> object:
    return decide(
        what,
        recipients={path: PENDING[path] for path in what.recipients},
        past=Past(attempt, setbacks, deadline_in, fresh_used),
        table=DEFAULT_TABLE,
        rng=lambda: 0.0,
    )


def test_all_accepted_is_done() -> None:
    assert decision(outcome("ok", "ok")) == Done(MailState.SENT)


def test_one_refused_among_accepted_is_done() -> None:
    assert decision(outcome("ok", "R7")) == Done(MailState.SENT)


def test_all_refused_is_given_up() -> None:
    assert decision(outcome("R7", "Z3")) == GiveUp(fault("R7"))


def test_only_those_deferred_are_tried_again() -> None:
    assert decision(outcome("ok", "R2")) == Retry(150.0, (B,))


def test_an_unknown_outcome_asks() -> None:
    assert decision(outcome("Z5")) == Ask(fault("Z5"))


@pytest.mark.parametrize(
    ("row", "waits"),
    [
        ("C1", [15, 30, 60, 150, 300, 900, 1800, 3600, 3600]),  # B1
        ("M2", [30, 60, 150]),  # B2
        ("R2", [150, 300, 600, 900]),  # B3
        ("R5", [1800, 7200, 21600, 21600]),  # B4
    ],
)
def test_each_row_has_its_ladder_of_which_half_is_fixed(row: str, waits: list[float]) -> None:
    found = [decision(outcome(row), attempt=attempt, fresh_used=True) for attempt in range(len(waits))]
    assert [one.delay for one in found if isinstance(one, Retry)] == waits


def test_a_wait_never_passes_the_deadline() -> None:
    assert decision(outcome("R5"), deadline_in=10.0) == Retry(10.0, (A,))


def test_a_connection_that_had_died_costs_nothing_once() -> None:
    assert decision(outcome("M0", sent=False)) == Retry(0.0, (A,), spent=Spent.NOTHING)
    assert decision(outcome("M0", sent=False), fresh_used=True) == Retry(15.0, (A,), Spent.SETBACK)


BEFORE_THE_MESSAGE = ("M1", "M3", "M5", "R10", "R12", "X4", "X5", "P1")


@pytest.mark.parametrize("row", BEFORE_THE_MESSAGE)
def test_a_connection_that_fails_before_the_message_spends_no_attempt_and_climbs_the_ladder(row: str) -> None:
    found = [decision(outcome(row, sent=False), setbacks=setbacks, fresh_used=True) for setbacks in range(5)]
    assert {one.spent for one in found if isinstance(one, Retry)} == {Spent.SETBACK}
    waits = [one.delay for one in found if isinstance(one, Retry)]
    assert waits[:4] == sorted(set(waits[:4])), "an address can be what makes the server fall over"


@pytest.mark.parametrize("phase", [Phase.MAIL, Phase.RCPT, Phase.DATA])
def test_a_421_before_the_message_spends_no_attempt(phase: Phase) -> None:
    closing = taxonomy.of_reply(phase, Reply(421, (b"4.3.2 going down",)), host="relay")
    found = decision(Outcome.for_all(0, [A], closing), fresh_used=True)
    assert isinstance(found, Retry)
    assert found.spent is Spent.SETBACK


@pytest.mark.parametrize("row", ["M2", "R2", "R5", "X1", "W1", "W2", "Z2", "M6"])
def test_an_answer_about_the_mail_and_a_message_broken_off_spend_an_attempt(row: str) -> None:
    found = decision(outcome(row, sent=False), fresh_used=True)
    assert isinstance(found, Retry)
    assert found.spent is Spent.ATTEMPT


def test_a_mail_with_an_attempt_left_is_not_given_up_for_a_connection() -> None:
    table = DEFAULT_TABLE.with_rows({"R10": RetryPolicy(max_attempts=1), "C1": RetryPolicy(max_attempts=1)})
    in_envelope = decide(
        outcome("R10", sent=False), recipients=PENDING, past=Past(fresh_retry_used=True), table=table, rng=lambda: 0.0
    )
    before = decide_error(fault_error(fault("C1")), past=Past(), table=table, rng=lambda: 0.0)
    assert (type(in_envelope), type(before)) == (Retry, Retry)


@pytest.mark.parametrize("row", taxonomy.ROWS)
def test_every_row_of_the_taxonomy_has_its_decision(row: str) -> None:
    """The set of tests is the table itself: a row without a policy fails here."""
    found = decision(outcome(row), fresh_used=True)
    expected = {
        ErrorClass.TRANSIENT: Retry,
        ErrorClass.MISCONFIGURED: Retry,
        ErrorClass.PERMANENT: GiveUp,
        ErrorClass.UNKNOWN: Ask,
    }
    assert isinstance(found, expected[taxonomy.ROWS[row].error_class])
    waits = taxonomy.ROWS[row].error_class in (ErrorClass.TRANSIENT, ErrorClass.MISCONFIGURED)
    assert (row in DEFAULT_TABLE.by_id) == waits


@pytest.mark.parametrize("ladder", [(), (0.0,), (-1.0,), (float("nan"),), (float("inf"),), (60.0, 30.0)], ids=str)
def test_a_ladder_that_cannot_work_is_refused(ladder: tuple[float, ...]) -> None:
    with pytest.raises(ValueError, match="ladder"):
        RetryPolicy(ladder)


def test_attempts_can_be_limited() -> None:
    table = DEFAULT_TABLE.with_rows({"R2": RetryPolicy(max_attempts=2)})
    kept = decide(outcome("R2"), recipients=PENDING, past=Past(attempt=0), table=table, rng=lambda: 0.0)
    ended = decide(outcome("R2"), recipients=PENDING, past=Past(attempt=1), table=table, rng=lambda: 0.0)
    assert (type(kept), type(ended)) == (Retry, GiveUp)


def test_rows_are_found_by_id_then_class_then_phase() -> None:
    unknown_row = fault_error(Fault("NEW", ErrorClass.TRANSIENT, Scope.HOST, Phase.CONNECT, "x"))
    by_phase = DEFAULT_TABLE.with_rows({"SMTPConnectError": RetryPolicy((7.0,))})
    assert by_phase.policy_for(unknown_row) == DEFAULT_TABLE.by_class[TransientError]
    by_class = DEFAULT_TABLE.with_rows({TransientError: RetryPolicy((9.0,))})
    assert by_class.policy_for(unknown_row) == RetryPolicy((9.0,))
    assert by_class.policy_for(fault_error(fault("C1"))) == DEFAULT_TABLE.by_id["C1"]


def test_an_applications_own_exception_can_be_a_row() -> None:
    table = DEFAULT_TABLE.with_rows({LookupError: RetryPolicy((5.0,))})
    assert table.policy_for(KeyError("x")) == RetryPolicy((5.0,))


def test_a_row_for_nothing_is_refused() -> None:
    with pytest.raises(ValueError, match="no error class and no taxonomy id"):
        DEFAULT_TABLE.with_rows({"SMTPTypo": RetryPolicy()})


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (TemplateRenderError("x"), GiveUp()),
        (InvalidHeader("x"), GiveUp()),
        (PoolTimeout("x"), Retry(0.5, spent=Spent.NOTHING)),
        (RendererUnavailable("no child"), Retry(30.0, spent=Spent.NOTHING)),
        (StoreError("blob is gone"), Retry(30.0, spent=Spent.NOTHING)),
        (fault_error(fault("C1")), Retry(15.0, spent=Spent.NOTHING)),
        (fault_error(fault("A1")), Retry(30.0, spent=Spent.NOTHING)),
    ],
    ids=repr,
)
def test_an_error_before_any_transaction_has_its_decision(error: Exception, expected: object) -> None:
    found = decide_error(error, past=Past(), table=DEFAULT_TABLE, rng=lambda: 0.0)
    assert found == expected


def test_scaling_shrinks_every_wait() -> None:
    table = DEFAULT_TABLE.scaled(0.01)
    found = decide_error(fault_error(fault("C1")), past=Past(), table=table, rng=lambda: 1.0)
    assert found == Retry(0.3, spent=Spent.NOTHING)
