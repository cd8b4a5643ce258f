"""One period of a report on a real store, sent by this process: whom it reaches, and what becomes of it otherwise."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from unittest import mock

import pytest
from workers import Plant, plant, wait_until

from notifier.errors import InvalidReport, StoreUnavailable
from notifier.model.content import Attachment
from notifier.model.state import MailState
from notifier.reports.files import csv_file
from notifier.reports.periods import Period
from notifier.reports.registry import Report, checked
from notifier.reports.result import ReportResult
from notifier.store.reports import MOST_CRASHES, PastPeriod, RedisReports
from notifier.tasks import report_sending
from notifier.tasks.report_overview import last_period, run_for, run_now
from notifier.tasks.report_sending import send_period
from notifier.tasks.runtime import runtime

KEY = "2026-11-23T07:00:00Z"


@pytest.fixture
def made(tmp_path: Path) -> Iterator[Plant]:
    with plant(tmp_path) as ours:
        yield ours


def a_report(function: Any = lambda _: {"name": "Zoë"}, **changes: Any) -> Report:
    given = {
        "schedule": "0 8 * * mon",
        "recipients": ["zoe@example.com", "ida@example.com"],
        "template": "welcome",
        "timezone": "Europe/Berlin",
        "catch_up": "latest",
        "mail_class": "report",
        "mail": {},
    }
    return checked("weekly", function, **{**given, **changes})


def waiting() -> list[str]:
    """Who has a mail in the store."""
    mails = runtime().store.list_mails("mail", MailState.WAITING)
    return sorted(path for mail in mails for path in mail.recipients)


def sent(report: Report) -> PastPeriod:
    """What became of the period."""
    runtime().store.reports.again("weekly", KEY)
    send_period(report, KEY)
    return runtime().store.reports.stands("weekly")[1][0]


def test_the_function_is_told_its_period_in_its_time_zone(made: Plant) -> None:
    seen: list[Period] = []
    sent(a_report(lambda period: seen.append(period) or {"name": "Zoë"}))
    assert str(seen[0]) == "2026-11-16 08:00 CET to 2026-11-23 08:00 CET"


def test_each_recipient_has_a_mail_of_his_own(made: Plant) -> None:
    done = sent(a_report())
    assert (done.state, done.why) == ("sent", "to 2")
    assert waiting() == ["ida@example.com", "zoe@example.com"]


def test_recipients_may_depend_on_the_period(made: Plant) -> None:
    sent(a_report(recipients=lambda period: [f"w{period.end:%V}@example.com"]))
    assert waiting() == ["w48@example.com"]


def test_a_recipient_has_a_context_of_his_own(made: Plant) -> None:
    sent(a_report(recipients=[{"to": "zoe@example.com", "context": {"name": "Ida"}, "locale": "de"}]))
    (claim,) = runtime().store.claim("mail", "w", 10)
    assert (dict(claim.email.context), claim.email.locale) == ({"name": "Ida"}, "de")


def test_nothing_to_tell_is_no_mail(made: Plant) -> None:
    assert sent(a_report(lambda _: None)).state == "nothing"
    assert waiting() == []


def test_one_wrong_address_keeps_nobody_else_from_the_mail(made: Plant) -> None:
    done = sent(a_report(recipients=["nobody", "ida@example.com"]))
    assert done.state == "failed"
    assert done.why == "1 of 2 recipients were refused; recipient 1: InvalidAddress"
    assert waiting() == ["ida@example.com"]


def test_a_context_that_does_not_fit_is_told_and_not_tried_again(made: Plant) -> None:
    done = sent(a_report(lambda _: {"name": 5}))
    assert done.state == "failed"
    assert waiting() == []


@pytest.mark.parametrize(
    ("returned", "words"),
    [
        ("text", "a context is a mapping"),
        (ReportResult({"day": datetime(2026, 11, 23, tzinfo=UTC)}), "JSON does not know"),
        (ReportResult({}, [{"filename": "x"}]), "an attachment has one of"),
        (ReportResult({}, csv_file("x.csv", [])), "attachments are a list of files, and not ReportFile"),
        (ReportResult({}, {"filename": "x", "data": b""}), "attachments are a list of files, and not dict"),  # type: ignore[arg-type]
    ],
)
def test_what_is_no_report_is_told_and_not_tried_again(made: Plant, returned: Any, words: str) -> None:
    done = sent(a_report(lambda _: returned))
    assert done.state == "failed"
    assert words in done.why


def test_a_function_that_calls_exit_is_told_and_does_not_end_the_worker(made: Plant) -> None:
    assert "called exit(3)" in sent(a_report(lambda _: sys.exit(3))).why


@pytest.mark.parametrize(
    ("returned", "state", "why"),
    [
        ("boss@example.com", "sent", "to 1"),
        (iter(["boss@example.com"]), "sent", "to 1"),
        ([], "nothing", "there are no recipients"),
        (None, "failed", "InvalidReport: report 'weekly': recipients are a list of addresses, and not NoneType"),
    ],
)
def test_whatever_a_function_of_recipients_returns_is_read_like_a_list(
    made: Plant, returned: Any, state: str, why: str
) -> None:
    done = sent(a_report(recipients=lambda _: returned))
    assert (done.state, done.why) == (state, why)


def test_whoever_was_refused_has_the_mail_when_the_fault_is_mended(made: Plant) -> None:
    assert sent(a_report(lambda _: {"name": 5})).state == "failed"
    assert sent(a_report()).state == "sent"
    assert waiting() == ["ida@example.com", "zoe@example.com"]


def test_a_recipient_that_is_no_address_and_no_mapping_of_one_is_told(made: Plant) -> None:
    assert "a recipient is an address" in sent(a_report(recipients=[{"cc": "zoe@example.com"}])).why


def test_whoever_had_the_mail_in_other_words_does_not_have_it_twice(
    made: Plant,
) -> None:
    """What the first run said was lost, as after days, and its recipients were not written down."""
    first = a_report(lambda _: {"name": "first"}, recipients=["ida@example.com"])
    digest = report_sending.digest_of("ida@example.com")
    mail = report_sending.accepted_mail(
        first,
        report_sending.Made({"name": "first"}, [], []),
        {"to": "ida@example.com"},
        f"report weekly {KEY} {digest}",
    )
    report_sending.enqueue([mail])
    done = sent(a_report(lambda _: {"name": "second"}))
    assert done.state == "sent"
    assert waiting() == ["ida@example.com", "zoe@example.com"]


def test_a_period_that_was_sent_is_run_again_only_for_somebody_else(made: Plant) -> None:
    report = a_report()
    period = last_period(report, datetime(2026, 11, 23, 12, tzinfo=UTC))
    done = run_now(report, period)
    assert isinstance(done, PastPeriod)
    assert (done.period, done.state) == (KEY, "sent")
    with pytest.raises(InvalidReport, match="was sent; --to sends it to somebody else"):
        run_now(report, period)
    assert len(run_for(report, period, ["bo@example.com"])) == 1
    assert waiting() == ["bo@example.com", "ida@example.com", "zoe@example.com"]


def test_a_period_that_has_not_ended_is_not_run_for_those_who_would_miss_the_rest(made: Plant) -> None:
    begun = datetime.now(UTC)
    with pytest.raises(InvalidReport, match="has not ended; --to sends it to somebody else"):
        run_now(a_report(), Period(begun, begun + timedelta(days=7)))
    assert waiting() == []


def test_a_period_before_all_schedules_is_refused() -> None:
    with pytest.raises(InvalidReport, match="has no period that had ended by"):
        last_period(a_report(), datetime(1, 1, 1, tzinfo=UTC))


def test_a_second_run_is_for_those_alone_who_had_nothing(made: Plant) -> None:
    sent(a_report(recipients=["nobody", "ida@example.com"]))
    sent(a_report(recipients=["zoe@example.com", "ida@example.com"]))
    assert waiting() == ["ida@example.com", "zoe@example.com"]


def test_an_image_that_a_report_gives_as_an_attachment_is_shown(made: Plant) -> None:
    image = Attachment("x.png", "image/png", b"\x89PNG", inline=True)
    sent(a_report(lambda _: ReportResult({"name": "Zoë"}, [image, {"filename": "y.csv", "data": b"a"}])))
    (claim, *_) = runtime().store.claim("mail", "w", 10)
    assert [(ref.filename, ref.inline) for ref in claim.email.attachments] == [("x.png", True), ("y.csv", False)]


def test_what_was_made_and_is_gone_is_made_anew(made: Plant) -> None:
    reports = runtime().store.reports
    reports.again("weekly", KEY)
    lost = reports.take("weekly", KEY, "w", 0.0)
    assert lost is not None
    reports.keep(lost, "0" * 64)
    assert sent(a_report()).state == "sent"


def test_a_store_that_is_away_in_the_middle_hears_later_that_its_worker_has_not_ended(
    made: Plant, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Three such moments would make a report that ends its workers."""
    monkeypatch.setattr(report_sending, "TELL_EVERY", 0.01)
    reports, wait, said = runtime().store.reports, RedisReports.wait, []

    def away_at_first(self: RedisReports, *arguments: Any, **named: Any) -> bool:
        said.append(arguments)
        if len(said) <= 2:
            raise StoreUnavailable("away")
        return wait(self, *arguments, **named)

    reports.again("weekly", KEY)
    with monkeypatch.context() as away:
        away.setattr(RedisReports, "keep", mock.Mock(side_effect=StoreUnavailable("away")))
        away.setattr(RedisReports, "wait", away_at_first)
        with pytest.raises(StoreUnavailable):
            send_period(a_report(), KEY)
        wait_until(lambda: reports.due("weekly") == [KEY], "long before its lease is over")
    assert len(said) == 3
    for _ in range(MOST_CRASHES):
        assert reports.take("weekly", KEY, "the next", 0.0) is not None
