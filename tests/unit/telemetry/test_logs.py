from __future__ import annotations

import logging

import pytest

from notifier.model.events import SessionMissed, SessionWaited
from notifier.telemetry.logs import log_event


@pytest.mark.parametrize(
    ("event", "line"),
    [
        (SessionWaited("r:25", 0.5), "a session to r:25 was waited for, 0.500 s"),
        (SessionMissed("r:25", 0.5), "a session to r:25 was waited for in vain, 0.500 s"),
        (SessionMissed("r:25", 0.5, "turn"), "no turn to connect to r:25, 0.500 s"),
    ],
)
def test_whoever_waits_is_told_at_debug_level_for_what(
    event: SessionWaited | SessionMissed, line: str, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.DEBUG, logger="notifier"):
        log_event(event)
    assert caplog.messages == [line]
