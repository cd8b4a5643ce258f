"""Whose turn it is to connect: who waits for it, and who is sent away, and with which word."""

from __future__ import annotations

import pytest

from notifier.errors import RelayConnecting, RelayFull, RelayUnavailable, StoreUnavailable
from notifier.model.limits import Connected
from notifier.pool import Slots, slots

MINE = Connected(0.0, 1)
SOON = Connected(2.0, 1, 0.02)
SLOW = Connected(5.0, 1, 0.0, doubted=True)


class Answers:
    """The connections of all replicas give these answers, one by one; the last one again and again."""

    def __init__(self, *answers: Connected) -> None:
        self.answers = answers
        self.asked: list[str] = []

    def connect(self, relay: str, token: str, most: int | None) -> Connected:
        self.asked.append(token)
        return self.answers[min(len(self.asked), len(self.answers)) - 1]


def of(answers: Answers) -> Slots:
    return Slots(answers, "relay", "relay:25", holder="worker 1")  # type: ignore[arg-type]


def test_who_waits_for_others_to_be_connected_asks_again_with_the_same_token() -> None:
    answers = Answers(SOON, SOON, MINE)
    turn = of(answers).take()
    assert answers.asked == [turn.token] * 3
    assert turn.waited


def test_who_did_not_have_to_wait_is_not_said_to_have_waited() -> None:
    assert not of(Answers(MINE)).take().waited


def test_who_waited_in_vain_may_send_other_mails_and_the_relay_is_not_said_to_be_full(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(slots, "PATIENCE", 0.0)
    with pytest.raises(RelayConnecting, match="relay:25 lets those wait who are trying to connect") as error:
        of(Answers(SOON)).take()
    assert error.value.retry_after == 2.0


def test_a_relay_that_is_known_to_take_longer_is_not_waited_for() -> None:
    answers = Answers(SOON, SLOW)
    with pytest.raises(RelayUnavailable) as error:
        of(answers).take()
    assert type(error.value) is RelayUnavailable, "another may stand in for one that has failed"
    assert error.value.retry_after == 5.0
    assert len(answers.asked) == 2


def test_whose_turn_comes_nearer_waits_on(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each answer tells of one connection more: the relay is well, and there are many who want one."""
    monkeypatch.setattr(slots, "PATIENCE", 0.03)
    nearer = [Connected(2.0, live, 0.02) for live in range(1, 9)]
    answers = Answers(*nearer, MINE)
    of(answers).take()
    assert len(answers.asked) == 9


def test_a_turn_whose_answer_is_lost_is_given_up_for_others() -> None:
    class Lost(Answers):
        def connect(self, relay: str, token: str, most: int | None) -> Connected:
            super().connect(relay, token, most)
            raise StoreUnavailable("no answer in time")

        def forgo(self, relay: str, token: str) -> None:
            self.given_up = token

    answers = Lost(MINE)
    with pytest.raises(StoreUnavailable):
        of(answers).take()
    assert answers.asked == [answers.given_up]


def test_a_limit_that_is_reached_is_said_at_once() -> None:
    answers = Answers(Connected(1.0, 9))
    with pytest.raises(RelayFull, match="9 from all workers"):
        of(answers).take()
    assert len(answers.asked) == 1
