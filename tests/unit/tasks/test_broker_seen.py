"""Whether the broker answered when it was asked last."""

from __future__ import annotations

import pytest

from notifier.tasks.broker_seen import JUST_NOW, BrokerSeen

pytestmark = pytest.mark.unit


def test_it_is_away_from_a_miss_to_the_next_answer_and_is_soon_asked_again() -> None:
    now = [100.0]
    seen = BrokerSeen(lambda: now[0])
    assert not seen.away
    seen.missed()
    assert (seen.away, seen.just_missed) == (True, True)
    now[0] += JUST_NOW
    assert (seen.away, seen.just_missed) == (True, False)
    seen.answered()
    assert not seen.away
