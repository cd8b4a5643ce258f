"""When a chaos run has failed, and what its table says."""

from __future__ import annotations

from collections import Counter

from nemesis.checker import Account, judge
from nemesis.report import HIT_AT_LEAST, NO_MAIL_RESTS_IN, Row, failures, hits_table, table

from notifier.model.state import MailState

ALL_HIT = Counter({state.value: HIT_AT_LEAST for state in MailState if state not in NO_MAIL_RESTS_IN})
FINE = Row("kill -9", 20, Account(accepted=10, delivered=10), ALL_HIT)


def test_a_run_without_a_loss_or_a_double_has_not_failed() -> None:
    assert failures([FINE]) == []


def test_a_lost_mail_fails_the_run_and_is_named() -> None:
    lost = Row("frozen", 1, judge(["the-mail"], {}, {}))
    assert failures([FINE, lost]) == ["frozen: lost: the-mail: the ledger does not know it"]


def test_a_state_that_was_hit_too_rarely_fails_the_run() -> None:
    rare = Row("kill -9", 20, FINE.account, ALL_HIT - Counter({"at_dot": 1}))
    assert failures([rare]) == [f"state at_dot was hit {HIT_AT_LEAST - 1} times, and not {HIT_AT_LEAST}"]
    assert failures([rare, Row("failpoints", 1, Account(), Counter({"at_dot": 1}))]) == []
    assert failures([rare], every_state=False) == []


def test_what_the_baseline_loses_fails_nothing() -> None:
    assert failures([FINE, Row("plain Celery", 20, judge(["m"], {}, {}), baseline=True)]) == []


def test_a_failpoint_that_was_never_reached_fails_the_run() -> None:
    assert failures([Row("failpoints", 1, Account(), ALL_HIT, faults=("never reached",))]) == [
        "failpoints: never reached"
    ]


def test_the_tables_have_a_row_for_each_nemesis() -> None:
    baseline = Row("plain Celery", 20, Account(accepted=9, delivered=7, lost=2), baseline=True)
    rows = table([FINE, baseline]).splitlines()
    assert rows[2] == "| kill -9 | 20 | 10 | 10 | 0 | 0 | 0 | 0 | 0 | 0 |"
    assert rows[3] == "| plain Celery | 20 | 9 | 7 | 2 | 0 | – | – | – | – |"
    assert hits_table([FINE, baseline]).splitlines()[2:] == [f"| kill -9 | {' | '.join(['5'] * len(ALL_HIT))} |"]
