"""`notifier-delivery` on a real store: its days, its numbers, with and without what draws its chart."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from workers import Plant, plant

import notifier
from notifier import send_email
from notifier.model.outcome import RecipientState
from notifier.model.state import MailState
from notifier.reports.periods import Period
from notifier.store.base import Settlement
from notifier.store.tallies import EPOCH
from notifier.tasks.delivery_report import TEMPLATE, delivery_report
from notifier.tasks.runtime import runtime

DAY = timedelta(days=1)


@pytest.fixture
def made(tmp_path: Path) -> Iterator[Plant]:
    with plant(tmp_path) as ours:
        yield ours


def hand_over(*recipients: str) -> datetime:
    """The day in which the ledger has counted it; midnight may come while a test runs."""
    ids = [send_email.delay(template="welcome", to=to, context={"name": "Zoë"}).id for to in recipients]
    claims = runtime().store.claim("mail", "w", 100)
    runtime().store.begin_dot(claims)
    accepted = RecipientState.ACCEPTED
    runtime().store.settle(
        [Settlement(one, MailState.SENT, recipients=dict.fromkeys(one.recipients, accepted)) for one in claims]
    )
    return datetime.fromtimestamp(notifier.status(ids[-1]).history[-1]["at"], UTC).replace(
        hour=0, minute=0, second=0, microsecond=0
    )


def week_to(day: datetime) -> Period:
    return Period(day - 6 * DAY, day + DAY)


def test_it_tells_what_was_sent_by_template_and_domain(made: Plant) -> None:
    day = hand_over("zoe@example.com", "ida@example.com", "bo@example.org")
    context = delivery_report(week_to(day)).context
    assert (context["sent"], context["failed"]) == ({"value": 3}, {"value": 0})
    assert context["templates"] == [["welcome", 3, 0, 0]]
    assert context["domains"] == [["example.com", 2, 0, 0], ["example.org", 1, 0, 0]]
    assert [day["value"] for day in context["days"]] == [0, 0, 0, 0, 0, 0, 3]


def test_the_queues_of_one_day_are_one_row_of_the_table(made: Plant) -> None:
    keys, connection = runtime().store._keys, runtime().store._connection
    day = datetime(2026, 11, 23, tzinfo=UTC)
    number = (day.date() - EPOCH).days
    connection.ask(
        *(("HSET", keys.tally(queue, number), "sent example.com welcome", 2) for queue in ("mail", "mail.bulk"))
    )
    connection.ask(*(("SADD", keys.queues, queue) for queue in ("mail", "mail.bulk")))
    table: Any = delivery_report(week_to(day)).attachments[0]
    assert table.data.decode("utf-8-sig").splitlines()[1:] == ['"2026-11-23","welcome","example.com","sent",4']


def test_the_day_in_which_a_period_ends_is_the_next_ones(made: Plant) -> None:
    day = hand_over("zoe@example.com")
    eight = timedelta(hours=8)
    assert delivery_report(Period(day - 6 * DAY, day + eight)).context["sent"] == {"value": 0}
    assert delivery_report(Period(day + eight, day + DAY + eight)).context["sent"] == {"value": 1}


def test_without_pillow_the_template_draws_bars(made: Plant, monkeypatch: pytest.MonkeyPatch) -> None:
    week = week_to(hand_over("zoe@example.com"))
    with_chart = delivery_report(week)
    monkeypatch.setitem(sys.modules, "PIL", None)
    without = delivery_report(week)
    render = runtime().renderer.render
    assert f'src="{with_chart.context["chart"]}"' in (render(TEMPLATE, with_chart.context).html or "")
    assert '<img src="cid:' not in (render(TEMPLATE, without.context).html or "").split("Sent, day by day")[1]
    assert [len(one.attachments) for one in (with_chart, without)] == [2, 1]


@pytest.mark.parametrize("days", [1, 400])
def test_its_context_fits_the_template_whatever_the_period(made: Plant, days: int) -> None:
    end = hand_over("zoe@example.com") + DAY
    found = delivery_report(Period(end - days * DAY, end))
    runtime().renderer.check_context(TEMPLATE, found.context)
