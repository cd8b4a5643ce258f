"""What a script answers, in which order, and how often."""

from __future__ import annotations

import threading

import pytest

from notifier.errors import Phase
from notifier.testing import Action, Script
from notifier.testing.script import PHASES, Step


def test_an_empty_script_changes_nothing() -> None:
    script = Script()
    assert script.for_recipient("a@x.example") is None
    assert all(script.for_phase(phase) == Step() for phase in PHASES)


def test_each_recipient_is_deferred_so_often() -> None:
    script = Script().defer_first(lambda path: path.startswith("grey"), times=2, reply="451 later")
    answers = [script.for_recipient(path) for path in ("grey1", "grey2", "grey1", "grey1", "grey2", "white")]
    assert answers == ["451 later", "451 later", "451 later", None, "451 later", None]


def test_the_first_entry_that_fits_counts() -> None:
    script = Script().defer_first("a@x.example").refuse("a@x.example", "550 5.7.1 no")
    assert [script.for_recipient("a@x.example") for _ in range(2)] == [
        "451 4.7.1 Greylisted, please come again",
        "550 5.7.1 no",
    ]


def test_phases_follow_each_other_by_their_counts() -> None:
    script = Script().at(Phase.MAIL, "451 one", times=1).at(Phase.MAIL, Action.DROP, times=1).delay(Phase.MAIL, 2)
    steps = [script.for_phase(Phase.MAIL) for _ in range(4)]
    assert steps == [Step("451 one"), Step(Action.DROP), Step(None, 2), Step(None, 2)]


def test_threads_share_the_counts() -> None:
    script = Script().at(Phase.RCPT, "451 one", times=500)
    answers: list[Step] = []
    threads = [
        threading.Thread(target=lambda: answers.extend(script.for_phase(Phase.RCPT) for _ in range(200)))
        for _ in range(5)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sum(answer.action is not None for answer in answers) == 500


@pytest.mark.parametrize("reply", ["later", "45 no", "199 no", "600 no", "4511", "451later"])
def test_what_is_no_reply_is_refused_where_it_is_written(reply: str) -> None:
    with pytest.raises(ValueError, match="begins with its code"):
        Script().at(Phase.MAIL, reply)
    with pytest.raises(ValueError, match="begins with its code"):
        Script().refuse("a@x.example", reply)


@pytest.mark.parametrize("phase", [Phase.DNS, Phase.CONNECT])
def test_a_server_has_no_say_before_it_speaks(phase: Phase) -> None:
    with pytest.raises(ValueError, match="no say"):
        Script().at(phase, Action.DROP)
