from __future__ import annotations

import logging
from unittest import mock

import pytest

from notifier.model.events import BreakerClosed, SessionReused
from notifier.tasks import telling
from notifier.tasks.worker import format_log
from notifier.telemetry.figures import Figures
from notifier.telemetry.json_lines import JsonLines


def test_an_event_is_logged_and_passed_though_counting_it_failed(caplog: pytest.LogCaptureFixture) -> None:
    with mock.patch.object(telling, "_counting", side_effect=OSError("no memory")), caplog.at_level(logging.WARNING):
        telling.tell(BreakerClosed("r:25"))
    assert [record.getMessage() for record in caplog.records] == [
        "BreakerClosed was not counted or traced: no memory",
        "r:25 takes mails again",
    ]


def test_a_process_that_serves_no_metrics_counts_nothing() -> None:
    figures = Figures()
    telling.tell(BreakerClosed("r:25"))
    assert figures.read() == ({}, 0)


def test_a_checkout_is_told_to_whoever_wants_to_hear_of_it(caplog: pytest.LogCaptureFixture) -> None:
    reused = SessionReused("r:25", 1, 7)
    with caplog.at_level(logging.INFO, "notifier"):
        assert not telling.tell.hears_turns()
        with mock.patch.object(telling, "_counting"):
            assert telling.tell.hears_turns()
    with caplog.at_level(logging.DEBUG, "notifier"):
        assert telling.tell.hears_turns()
    with mock.patch.object(telling, "_counting") as counting, caplog.at_level(logging.INFO, "notifier"):
        telling.tell(reused)
    counting.assert_called_once_with(reused)
    assert caplog.records == []
    with caplog.at_level(logging.DEBUG, "notifier"):
        telling.tell(reused)
    assert [record.getMessage() for record in caplog.records] == ["session 1 to r:25 reused after 7 mails"]


@pytest.mark.parametrize(("wanted", "is_json"), [("json", True), ("console", False)])
def test_a_workers_log_is_written_as_the_setting_says(wanted: str, is_json: bool) -> None:
    logger, handler = logging.getLogger(f"of this test, {wanted}"), logging.StreamHandler()
    logger.addHandler(handler)
    with mock.patch("notifier.tasks.worker.settings", return_value=mock.Mock(log=wanted)):
        format_log(logger)
    assert isinstance(handler.formatter, JsonLines) == is_json
