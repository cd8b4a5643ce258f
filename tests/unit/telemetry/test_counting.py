"""Each event is a figure, and the figures are those of the table."""

from __future__ import annotations

import os
from typing import get_args

import pytest

from notifier.errors import ErrorClass, Fault, Phase, Scope
from notifier.model.events import (
    BreakerClosed,
    BreakerOpened,
    Event,
    LedgerChanged,
    MailHeld,
    MailsDelivered,
    MailSettled,
    MailsSwept,
    RelayComplained,
    SessionMissed,
    SessionNotOpened,
    SessionOpened,
    SessionParked,
    SessionRetired,
    SessionReused,
    SessionWaited,
)
from notifier.model.state import MailState
from notifier.model.stopwatch import Step, Took
from notifier.telemetry.counting import Counting
from notifier.telemetry.figures import Figures, Series
from notifier.telemetry.metrics import METRICS, MOST_VALUES, Kind, Source

GREYLISTED = Fault("R2", ErrorClass.TRANSIENT, Scope.RECIPIENT, Phase.RCPT, "later")
TOOK = [Took(Step.RENDER, 0.0, 0.01), Took(Step.DOT_WAIT, 0.0, 0.2)]
SENT = MailSettled("1", "mail", MailState.SENT, 1, 2.5, "r:25", "250 ok", template="welcome", took=TOOK)
DEFERRED = MailSettled("2", "mail", MailState.WAITING, 1, 2.5, "r:25", fault=GREYLISTED, template="")
EVERY: list[Event] = [
    SENT,
    DEFERRED,
    MailSettled("3", "mail", MailState.WAITING, 1, 2.5),
    MailSettled("4", "mail", MailState.FAILED, 1, 2.5, "r:25", fault=GREYLISTED, template="welcome"),
    MailsDelivered("mail", 3, 0.0, 0.5),
    MailHeld("mail", ("tenant shop", "domain example.com")),
    SessionOpened("r:25", 1, None, 0.1),
    SessionNotOpened("r:25", 0.1, "refused"),
    SessionReused("r:25", 1, 3),
    SessionParked("r:25", 1),
    SessionWaited("r:25", 0.1),
    SessionMissed("r:25", 0.1),
    SessionRetired("r:25", 1, "idle", 3),
    BreakerOpened("r:25", "host", 30.0, "C1"),
    BreakerClosed("r:25"),
    RelayComplained("r:25", 3, "421"),
    MailsSwept("mail", 1, 0, 2, 0, 3),
    LedgerChanged("was", "now", "restored", 4),
]


def counted(*events: Event) -> dict[Series, list[float]]:
    figures = Figures()
    counting = Counting(figures)
    for event in events:
        counting(event)
    return figures.read()[0]


def plain(*events: Event) -> dict[Series, float]:
    """What is no histogram."""
    return {series: numbers[0] for series, numbers in counted(*events).items() if len(numbers) == 1}


def test_every_event_is_tried_here() -> None:
    assert {type(event) for event in EVERY} == set(get_args(Event))


def test_together_they_fill_every_metric_of_a_worker() -> None:
    names = {name for name, _ in counted(*EVERY)}
    assert names == {one.name for one in METRICS if one.source is Source.WORKER} - {"notifier_worker_processes"}


@pytest.mark.parametrize("event", EVERY, ids=lambda event: type(event).__name__)
def test_a_figure_has_the_labels_of_the_table(event: Event) -> None:
    labels = {one.name: len(one.labels) for one in METRICS}
    for name, values in counted(event):
        assert len(values) == labels[name], name


def test_a_sent_mail_is_counted_with_its_times() -> None:
    found = counted(SENT)
    assert found["notifier_settled_total", ("mail", "welcome", "sent")] == [1]
    assert found["notifier_delivery_seconds", ("mail",)][-1] == 2.5
    assert found["notifier_step_seconds", ("render",)][-1] == 0.01
    assert found["notifier_dot_wait_seconds", ("r:25",)][-1] == 0.2
    assert not any(name == "notifier_retries_total" for name, _ in found)


def test_a_retry_is_counted_by_its_row_and_a_mail_handed_back_as_such() -> None:
    found = plain(DEFERRED, MailSettled("3", "mail", MailState.WAITING, 1, 2.5, template="welcome"))
    assert found["notifier_retries_total", ("mail", "R2")] == 1
    assert found["notifier_retries_total", ("mail", "handed_back")] == 1
    assert found["notifier_settled_total", ("mail", "(message)", "waiting")] == 1


def test_a_mail_over_two_limits_counts_for_both_kinds() -> None:
    found = plain(MailHeld("mail", ("tenant shop", "domain a.example", "domain b.example")))
    assert found == {
        ("notifier_limited_total", ("mail", "tenant")): 1,
        ("notifier_limited_total", ("mail", "domain")): 1,
    }


@pytest.mark.parametrize(
    ("events", "in_use", "idle"),
    [
        ([SessionOpened("r", 1, None, 0.1)], 1, 0),
        ([SessionOpened("r", 1, None, 0.1), SessionParked("r", 1)], 0, 1),
        ([SessionOpened("r", 1, None, 0.1), SessionParked("r", 1), SessionReused("r", 1, 1)], 1, 0),
        ([SessionOpened("r", 1, None, 0.1), SessionParked("r", 1), SessionRetired("r", 1, "idle", 1)], 0, 0),
        ([SessionOpened("r", 1, None, 0.1), SessionRetired("r", 1, "doubt", 1, lent=True)], 0, 0),
        ([SessionRetired("r", 1, "fork", 1)], 0, 0),
    ],
)
def test_sessions_are_in_use_or_idle_or_gone(events: list[Event], in_use: int, idle: int) -> None:
    found = plain(*events)
    assert found.get(("notifier_sessions", ("r", "in_use")), 0) == in_use
    assert found.get(("notifier_sessions", ("r", "idle")), 0) == idle


def test_whoever_misses_a_turn_to_connect_says_nothing_about_the_size_of_the_pool() -> None:
    found = plain(SessionMissed("r:25", 0.1), SessionMissed("r:25", 0.0, "turn"))
    assert found == {("notifier_session_waits_missed_total", ("r:25", why)): 1 for why in ("place", "turn")}


def test_a_flood_of_names_is_no_flood_of_series() -> None:
    found = plain(*(BreakerClosed(f"mx{number}.example:25") for number in range(3 * MOST_VALUES)))
    assert len(found) == MOST_VALUES + 1
    assert found["notifier_breaker_closed_total", ("other",)] == 2 * MOST_VALUES


def test_children_that_are_recycled_each_with_names_of_its_own_do_not_fill_their_slot() -> None:
    figures = Figures()
    counting = Counting(figures)
    for child in range(2):
        if (pid := os.fork()) == 0:
            for number in range(MOST_VALUES):
                counting(BreakerClosed(f"mx{number}.of-{child}.example:25"))
            os._exit(0)
        os.waitpid(pid, 0)
    found = figures.read()[0]
    assert len(found) == MOST_VALUES + 1
    assert found["notifier_breaker_closed_total", ("other",)] == [MOST_VALUES]


def test_queues_of_an_applications_making_are_bounded_too() -> None:
    found = plain(*(MailsSwept(f"tenant-{number}", 0, 0, 0, 0, 0) for number in range(3 * MOST_VALUES)))
    assert found["notifier_sweeps_total", ("other",)] == 2 * MOST_VALUES


def test_only_gauges_go_down() -> None:
    kinds = {one.name: one.kind for one in METRICS}
    for (name, _), number in plain(*EVERY).items():
        assert number >= 0 or kinds[name] is Kind.GAUGE
