from __future__ import annotations

import pytest

from notifier.model.stopwatch import Lap, Step, Stopwatch


def test_each_step_is_told_once_with_whether_it_failed() -> None:
    watch = Stopwatch()
    with watch.step(Step.RENDER):
        pass
    with pytest.raises(LookupError), watch.step(Step.COMPOSE):
        raise LookupError
    assert [(one.step, one.failed) for one in watch.take()] == [(Step.RENDER, False), (Step.COMPOSE, True)]
    assert watch.take() == []


def test_what_several_mails_share_begins_at_one_moment() -> None:
    lap = Lap()
    first, second = lap.took(Step.CHECKOUT), lap.took(Step.CHECKOUT, failed=True)
    assert first.began == second.began == lap.began
    assert 0 <= first.seconds <= second.seconds
