"""Whose turn it is to connect: who waits for it, and who is sent away, and with which word."""

from __future__ import annotations

import os
import random
import threading
import time
from collections.abc import Sequence

import pytest

from notifier.errors import RelayConnecting, RelayFull, RelayUnavailable, StoreUnavailable
from notifier.model.limits import Connected, Word
from notifier.pool import Slots, Unsaid, slots

MINE = Connected(0.0, 1)
SOON = Connected(2.0, 1, 0.02)
SLOW = Connected(5.0, 1, 0.0, doubted=True)


class Answers:
    """The connections of all replicas give these answers, one by one; the last one again and again."""

    def __init__(self, *answers: Connected) -> None:
        self.answers = answers
        self.asked: list[str] = []
        self.said: list[Word] = []

    def connect(self, relay: str, token: str, most: int | None, before: Sequence[Word] = ()) -> Connected:
        self.said += before
        self.asked.append(token)
        return self.answers[min(len(self.asked), len(self.answers)) - 1]

    def say(self, relay: str, words: Sequence[Word]) -> None:
        self.said += words


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
        def connect(self, relay: str, token: str, most: int | None, before: Sequence[Word] = ()) -> Connected:
            super().connect(relay, token, most)
            raise StoreUnavailable("no answer in time")

    answers = Lost(MINE)
    ours = of(answers)
    ours.release("before")
    with pytest.raises(StoreUnavailable):
        ours.take()
    assert answers.said == [Word("release", "before"), Word("forgo", answers.asked[0])]


def test_a_limit_that_is_reached_is_said_at_once() -> None:
    answers = Answers(Connected(1.0, 9))
    with pytest.raises(RelayFull, match="9 from all workers"):
        of(answers).take()
    assert len(answers.asked) == 1


# what became of connections -----------------------------------------------------------------------------------------


def test_what_became_of_a_connection_is_said_by_whoever_asks_for_the_next() -> None:
    """In the same round trip, and in its order: it may be what makes room for it."""
    answers = Answers(MINE)
    ours = of(answers)
    first = ours.take()
    ours.established(first.token)
    ours.release(first.token)
    assert (ours.has_unsaid, answers.said) == (True, [])
    ours.take()
    assert answers.said == [Word("established", first.token), Word("release", first.token)]
    assert not ours.has_unsaid


def test_each_word_is_said_once() -> None:
    answers = Answers(MINE)
    ours = of(answers)
    ours.forgo("a")
    ours.say()
    ours.say()
    ours.take()
    assert answers.said == [Word("forgo", "a")]


def test_whoever_asks_waits_for_what_is_being_said() -> None:
    """Otherwise a connection that has ended is counted against the next one of the same process."""
    saying, go_on, order = threading.Event(), threading.Event(), list[str]()

    class Slow(Answers):
        def say(self, relay: str, words: Sequence[Word]) -> None:
            saying.set()
            assert go_on.wait(10)
            order.append("said")

        def connect(self, relay: str, token: str, most: int | None, before: Sequence[Word] = ()) -> Connected:
            order.append("asked")
            return MINE

    ours = of(Slow(MINE))
    ours.release("ended")
    speaker = threading.Thread(target=ours.say)
    speaker.start()
    assert saying.wait(10)
    asking = threading.Thread(target=ours.take)
    asking.start()
    go_on.set()
    speaker.join(10)
    asking.join(10)
    assert order == ["said", "asked"]


def test_no_word_overtakes_those_that_go_before_a_question() -> None:
    """Otherwise a connection that has ended is established once more, and counts for a minute."""
    asking, go_on = threading.Event(), threading.Event()

    class Slow(Answers):
        def connect(self, relay: str, token: str, most: int | None, before: Sequence[Word] = ()) -> Connected:
            if before:
                asking.set()
                assert go_on.wait(10)
            return super().connect(relay, token, most, before)

    answers = Slow(MINE)
    ours = of(answers)
    ours.established("a")
    other = threading.Thread(target=ours.take)
    other.start()
    assert asking.wait(10)
    ours.release("a")
    speaker = threading.Thread(target=ours.say)
    speaker.start()
    speaker.join(0.1)
    go_on.set()
    other.join(10)
    speaker.join(10)
    assert answers.said == [Word("established", "a"), Word("release", "a")]


def test_what_was_not_said_for_a_time_limit_is_said_later() -> None:
    class Struck(Answers):
        def say(self, relay: str, words: Sequence[Word]) -> None:
            if not self.said:
                self.said += words[:1]
                raise KeyboardInterrupt
            super().say(relay, words)

    answers = Struck(MINE)
    ours = of(answers)
    ours.established("a")
    ours.release("a")
    with pytest.raises(KeyboardInterrupt):
        ours.say()
    ours.say()
    assert answers.said == [Word("established", "a"), Word("established", "a"), Word("release", "a")]


def test_a_child_says_nothing_for_its_parent_and_waits_for_none_of_its_threads(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    answers = Answers(MINE)
    ours = of(answers)
    ours.release("the parent's")
    ours._unsaid.saying.acquire()  # a thread that the child does not have
    monkeypatch.setattr(os, "getpid", lambda: -1)
    ours.begin()
    child = threading.Thread(target=ours.take, daemon=True)
    child.start()
    child.join(10)
    assert (child.is_alive(), answers.said) == (False, [])


def test_two_pools_of_a_relay_say_what_became_of_connections_together() -> None:
    """What the one has ended is not counted against the other."""
    answers, unsaid = Answers(MINE), Unsaid()
    one, other = (Slots(answers, "relay", "relay:25", unsaid=unsaid) for _ in range(2))  # type: ignore[arg-type]
    one.release("the one's")
    other.begin()
    other.take()
    assert answers.said == [Word("release", "the one's")]
    assert not one.has_unsaid


def test_a_complaint_is_about_all_that_is_connected() -> None:
    class Complained(Answers):
        def throttled(self, relay: str, *, greeting: bool) -> int:
            return len(self.said)

    ours = of(Complained(MINE))
    ours.established("a")
    assert ours.too_many(greeting=True) == 1


class Far(Answers):
    """Whatever is said takes effect after a while, as over sockets of its own for each thread: what was sent later may come first."""

    def __init__(self) -> None:
        super().__init__(MINE)
        self.live: set[str] = set()
        self._order = random.Random(1)  # noqa: S311 - no secret

    def connect(self, relay: str, token: str, most: int | None, before: Sequence[Word] = ()) -> Connected:
        self.say(relay, before)
        self.live.add(token)
        return MINE

    def say(self, relay: str, words: Sequence[Word]) -> None:
        time.sleep(self._order.random() / 1000)
        for word in words:
            (self.live.add if word.verb == "established" else self.live.discard)(word.token)


def test_a_crowd_leaves_no_connection_behind_that_nobody_has() -> None:
    """It would count against the limit for a minute."""
    far = Far()
    ours = of(far)

    def connect_and_leave() -> None:
        for number in range(30):
            token = ours.take().token
            ours.established(token)
            if number % 3:
                ours.say()
            ours.release(token)

    crowd = [threading.Thread(target=connect_and_leave) for _ in range(8)]
    for one in crowd:
        one.start()
    for one in crowd:
        one.join(30)
    ours.say()
    assert far.live == set()
