"""An answer that costs something is not asked for every time."""

from __future__ import annotations

import pytest

from notifier.console.operator_page.lately import Lately


def test_an_answer_is_asked_for_again_when_it_is_old() -> None:
    now = [0.0]
    answers = iter(range(10))
    lately = Lately(lambda: next(answers), 30.0, lambda: now[0])
    assert [lately.get(), lately.get()] == [0, 0]
    now[0] = 30.0
    assert lately.get() == 1


def test_a_failure_is_not_kept() -> None:
    said = iter([OSError("away"), None])

    def ask() -> str:
        if (error := next(said)) is not None:
            raise error
        return "here"

    lately = Lately(ask, 30.0, lambda: 0.0)
    with pytest.raises(OSError, match="away"):
        lately.get()
    assert lately.get() == "here"
