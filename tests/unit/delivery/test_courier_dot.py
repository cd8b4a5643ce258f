from __future__ import annotations

import math
import time
from collections.abc import Sequence
from dataclasses import replace
from unittest import mock

import pytest
from couriers import courier_with, nobody_behind
from test_attempt import ANN, an_attempt

from notifier.delivery.courier import Timing


def latest_terminators(*until: float) -> float:
    """Seconds from now until when a window's terminators may go out, its mails being good until then."""
    latest: list[float] = []

    class Session:
        transactions, rate, usable, begun = 1, None, True, ()

        def send_many(self, mails: Sequence[object], before_dot: object, before_wait: object) -> list[object]:
            latest.append(before_dot(range(len(mails))) - time.monotonic())  # type: ignore[operator]
            return []

    courier = courier_with(store=mock.Mock(), timing=Timing(dot_deadline=30.0))
    attempts = [an_attempt(ANN) for _ in until]
    for attempt, moment in zip(attempts, until, strict=True):
        attempt.claim = replace(attempt.claim, until=time.monotonic() + moment)
    courier._transact(Session(), attempts, {}, nobody_behind)  # type: ignore[arg-type]
    return latest[0]


def test_a_terminator_goes_out_within_the_dot_deadline() -> None:
    assert latest_terminators(math.inf) == pytest.approx(30.0, abs=1.0)


def test_and_not_after_the_first_mail_of_its_window_has_expired() -> None:
    assert latest_terminators(math.inf, 5.0, 20.0) == pytest.approx(5.0, abs=1.0)
