from __future__ import annotations

from typing import Any, Literal

import pytest
from fake_ledger import Clock, fake_redis, fake_store
from hypothesis import given
from hypothesis import strategies as st
from store_conformance import a_worker, an_email

from notifier.model.limits import LATER, PATIENCE, Connected, Rate, Word
from notifier.model.pause import Pause
from notifier.pool.slots import KEEP_TURNS_EVERY
from notifier.store import RedisStore
from notifier.store.limits import (
    HURRIED_PATIENCE,
    LATER_IN_DOUBT,
    LEASE,
    PATIENCE_IN_DOUBT,
    PAUSE,
    RECOVER,
)

FIVE = Rate("relay a", 5.0)
TWO = Rate("domain b", 2.0)


def let_through(store: RedisStore, *rates: Rate, mails: int = 50) -> int:
    return store.rates.take([rates] * mails).count(0.0)


# rates --------------------------------------------------------------------------------------------------------------


def test_a_burst_goes_at_once_and_the_rest_is_due_as_the_rate_allows(store: RedisStore, clock: Clock) -> None:
    waits = store.rates.take([[FIVE]] * 8)
    assert waits[:5] == [0.0] * 5
    assert waits[5:] == pytest.approx([0.2, 0.4, 0.6], abs=0.002)


def test_who_waited_finds_his_token(store: RedisStore, clock: Clock) -> None:
    wait = store.rates.take([[FIVE]] * 6)[-1]
    clock.now += wait
    assert let_through(store, FIVE, mails=2) == 1


@pytest.mark.long
@given(steps=st.lists(st.tuples(st.floats(0, 3), st.integers(1, 20)), min_size=1, max_size=20))
def test_no_more_than_the_burst_and_the_rate_go_in_any_span(steps: list[tuple[float, int]]) -> None:
    clock = Clock(1_000_000.0)
    with fake_redis(clock):
        store, began, gone = fake_store(), clock.now, 0
        for seconds, mails in steps:
            clock.now += seconds
            gone += let_through(store, FIVE, mails=mails)
            assert gone <= FIVE.burst + FIVE.per_second * (clock.now - began) + 1e-6
        store.close()


def test_a_mail_takes_a_token_of_each_bucket_or_of_none(store: RedisStore, clock: Clock) -> None:
    assert let_through(store, FIVE, TWO) == 2
    assert let_through(store, FIVE) == 3, "those that waited for the one took nothing of the other"


def test_tokens_that_are_given_back_are_there_again(store: RedisStore, clock: Clock) -> None:
    assert let_through(store, FIVE, mails=5) == 5
    store.rates.give_back([[FIVE]] * 2)
    assert let_through(store, FIVE) == 2


def test_giving_back_too_much_makes_no_credit(store: RedisStore, clock: Clock) -> None:
    store.rates.give_back([[FIVE]] * 100)
    assert let_through(store, FIVE) == 5


def test_a_complaint_halves_the_rate_and_it_grows_back(store: RedisStore, clock: Clock) -> None:
    def in_ten_seconds() -> int:
        let_through(store, FIVE)  # the burst
        gone = 0
        for _ in range(10):
            clock.now += 1
            gone += let_through(store, FIVE)
        return gone

    assert in_ten_seconds() == 50
    store.rates.slow_down([FIVE])
    assert 24 <= in_ten_seconds() <= 26
    clock.now += RECOVER * 5
    assert 49 <= in_ten_seconds() <= 50


def test_complaints_about_one_rush_are_one(store: RedisStore, clock: Clock) -> None:
    for _ in range(5):
        store.rates.slow_down([TWO])
    let_through(store, TWO)
    clock.now += PAUSE
    assert let_through(store, TWO) == 2, "half of the rate, for five seconds, as far as the burst reaches"
    store.rates.slow_down([TWO])
    let_through(store, TWO)
    clock.now += 4
    assert let_through(store, TWO) == 2, "a quarter of it now"


def test_one_mail_goes_now_and_then_however_often_a_relay_complains(store: RedisStore, clock: Clock) -> None:
    for _ in range(20):
        store.rates.slow_down([TWO])
        clock.now += PAUSE + 0.001
    let_through(store, TWO)
    clock.now += 32
    assert let_through(store, TWO) >= 1


# connections --------------------------------------------------------------------------------------------------------


def say(store: RedisStore, verb: Literal["established", "release", "forgo"], token: str) -> None:
    store.connections.say("relay", [Word(verb, token)])


def connected(store: RedisStore, count: int, most: int | None = None, start: int = 0) -> int:
    """So many try; how many may."""
    made = 0
    for number in range(start, start + count):
        if store.connections.connect("relay", f"t{number}", most).wait == 0:
            say(store, "established", f"t{number}")
            made += 1
    return made


def test_no_more_connections_than_allowed_from_all_together(store: RedisStore, clock: Clock) -> None:
    assert connected(store, 20, most=10) == 10
    say(store, "release", "t3")
    assert connected(store, 5, most=10, start=100) == 1


def test_without_a_limit_there_is_none_until_the_relay_complains(store: RedisStore, clock: Clock) -> None:
    assert connected(store, 40) == 40


def test_a_connection_that_nobody_keeps_is_given_up(store: RedisStore, clock: Clock) -> None:
    assert connected(store, 3, most=3) == 3
    clock.now += LEASE - 1
    store.connections.keep("relay", ["t0"])
    clock.now += 2
    assert connected(store, 5, most=3, start=10) == 2, "a killed worker's two are free, the kept one is not"


def test_a_connection_that_was_given_up_counts_again_with_its_next_sign_of_life(
    store: RedisStore, clock: Clock
) -> None:
    """Its worker was frozen: it is there, however many others were let in meanwhile."""
    assert connected(store, 2, most=2) == 2
    clock.now += LEASE + 1
    assert connected(store, 1, most=2, start=2) == 1
    store.connections.keep("relay", ["t0", "t1"])
    assert store.connections.connect("relay", "one more", 3) == Connected(1.0, 3)
    assert store.connections.throttled("relay", greeting=True) == 3, "they are established, too"


def test_a_greeting_that_came_late_counts(store: RedisStore, clock: Clock) -> None:
    store.connections.connect("relay", "patient", None)
    clock.now += LEASE + 1
    say(store, "established", "patient")
    assert store.connections.connect("relay", "next", 1) == Connected(1.0, 1)
    clock.now += LEASE + 1
    assert store.connections.throttled("relay", greeting=True) == 0


def test_a_complaint_at_the_greeting_says_how_many_are_enough(store: RedisStore, clock: Clock) -> None:
    assert connected(store, 10) == 10
    store.connections.connect("relay", "one too many", None)
    assert store.connections.throttled("relay", greeting=True) == 10
    say(store, "release", "one too many")
    assert connected(store, 5, start=20) == 0
    say(store, "release", "t0")
    assert connected(store, 5, start=30) == 1


def test_a_complaint_later_halves_them_and_one_more_is_tried_now_and_then(store: RedisStore, clock: Clock) -> None:
    assert connected(store, 8) == 8
    assert store.connections.throttled("relay", greeting=False) == 8
    for number in range(8):
        say(store, "release", f"t{number}")
    assert connected(store, 20, start=20) == 4
    clock.now += RECOVER
    store.connections.keep("relay", [f"t{number}" for number in range(20, 24)])
    assert connected(store, 20, start=50) == 1
    clock.now += RECOVER * 10
    assert connected(store, 20, start=80) == 20, "as many as ever, and no complaint since"


def asks(store: RedisStore, token: str) -> Connected:
    return store.connections.connect("relay", token, None)


def test_while_the_first_is_being_connected_nobody_else_is(store: RedisStore, clock: Clock) -> None:
    assert asks(store, "first").wait == 0
    assert asks(store, "next") == Connected(LATER, 1, PATIENCE)
    clock.now += PATIENCE
    assert asks(store, "next") == Connected(LATER, 1, 0.0), "a relay that takes longer is not waited for"


def about(seconds: float) -> Any:
    """To the millisecond, which is what the store keeps."""
    return pytest.approx(seconds, abs=0.002)


def all_at_work(store: RedisStore, queues: tuple[str, ...] = ("mail",)) -> None:
    """One slot, which has answered a bell of the first queue."""
    store.register_worker(a_worker(slots=1, queues=queues), 3600.0)
    (bell,) = store.add([an_email(queue=queues[0])]).bells[queues[0]]
    assert len(store.answer(queues[0], bell, "worker-1", 1) or ()) == 1


def due_since(store: RedisStore, clock: Clock, seconds: float, queue: str = "mail", **more: Any) -> None:
    """A mail, and no slot has come for it."""
    store.add([an_email(queue=queue, **more)])
    clock.now += seconds


def test_where_mails_are_due_and_all_slots_at_work_a_turn_is_waited_for_a_moment_only(
    store: RedisStore, clock: Clock
) -> None:
    """Or all of them would wait for one relay that is dead, and others' mails for them. Its own wait as long as in a slot."""
    all_at_work(store)
    asks(store, "first")
    due_since(store, clock, 0.01)
    assert asks(store, "next").patience == about(PATIENCE - 0.01), "somebody may be about to come for it"
    clock.now += HURRIED_PATIENCE - 0.02
    assert asks(store, "next") == Connected(about(PATIENCE - HURRIED_PATIENCE + 0.01), 1, about(0.01))
    clock.now += 0.02
    assert asks(store, "next") == Connected(about(PATIENCE - HURRIED_PATIENCE - 0.01), 1, 0.0)
    clock.now += PATIENCE
    assert asks(store, "next") == Connected(LATER, 1, 0.0)


def test_a_slot_that_has_long_said_nothing_is_at_work_where_the_next_bell_is_not_answered(
    store: RedisStore, clock: Clock
) -> None:
    """It is blocked, with the relay that the others wait for."""
    all_at_work(store)
    due_since(store, clock, 30.0)
    asks(store, "first")
    assert store.sweep("mail").bells
    assert asks(store, "next").patience == about(HURRIED_PATIENCE)


@pytest.mark.parametrize("queues", [("mail", "mail.bulk"), ("mail.bulk", "mail")], ids="-".join)
def test_of_whichever_queue_they_are(store: RedisStore, clock: Clock, queues: tuple[str, ...]) -> None:
    all_at_work(store, queues)
    asks(store, "first")
    due_since(store, clock, 0.2, "mail.bulk")
    assert asks(store, "next").patience == 0.0


@pytest.mark.parametrize(
    ("took", "patience"), [(0.3, 0.6), (5.0, PATIENCE)], ids=["twice", "no longer than for any relay"]
)
def test_and_for_twice_as_long_as_the_relay_took_the_last_time(
    store: RedisStore, clock: Clock, took: float, patience: float
) -> None:
    all_at_work(store)
    asks(store, "first")
    clock.now += took
    say(store, "established", "first")
    say(store, "established", "first")
    asks(store, "second")
    due_since(store, clock, 0.2)
    assert asks(store, "third").patience == about(patience - 0.2)


def test_and_not_at_all_after_one_that_failed(store: RedisStore, clock: Clock) -> None:
    all_at_work(store)
    asks(store, "first")
    clock.now += 0.3
    say(store, "established", "first")
    asks(store, "fails")
    say(store, "release", "fails")
    due_since(store, clock, 0.06)
    asks(store, "probe")
    assert asks(store, "third") == Connected(about(PATIENCE_IN_DOUBT), 2, 0.0, doubted=True)


def test_mails_that_a_slot_is_free_for_want_none(store: RedisStore, clock: Clock) -> None:
    """It is due before the next sweep rings for it."""
    all_at_work(store)
    store.register_worker(a_worker("worker-2"), 3600.0)
    asks(store, "first")
    due_since(store, clock, 0.3, send_at=clock.now + 0.1)
    assert asks(store, "next").patience == about(PATIENCE - 0.3)


def test_nor_do_those_that_nobody_sends_or_not_yet(store: RedisStore, clock: Clock) -> None:
    all_at_work(store)
    asks(store, "first")
    due_since(store, clock, 0.0, queue="nobody's")
    due_since(store, clock, 0.0, send_at=clock.now + 60)
    due_since(store, clock, 0.2, queue="paused")
    store.register_worker(a_worker("worker-2", slots=0, queues=("paused",)), 3600.0)
    store.pause(Pause("queue", "paused"), "moving")
    assert asks(store, "next").patience == about(PATIENCE - 0.2)


def test_a_queue_that_cannot_be_read_is_in_no_relays_way(store: RedisStore, clock: Clock) -> None:
    all_at_work(store)
    asks(store, "first")
    due_since(store, clock, 0.2, queue="broken")
    for key in ("due", "answered", "rung"):
        store._connection.ask(("SET", f"notifier:{{broken}}:{key}", "not ours"))
    assert asks(store, "next").patience == about(PATIENCE - 0.2)


def test_as_many_are_connected_at_once_as_were_connected_lately(store: RedisStore, clock: Clock) -> None:
    assert connected(store, 3) == 3
    assert [asks(store, f"more {number}").wait for number in range(4)] == [0, 0, 0, LATER]


def test_relays_that_end_each_connection_after_a_mail_are_connected_to_as_often(
    store: RedisStore, clock: Clock
) -> None:
    assert connected(store, 3) == 3
    for number in range(3):
        say(store, "release", f"t{number}")
    assert [asks(store, f"more {number}").wait for number in range(4)] == [0, 0, 0, LATER]


def test_after_one_that_failed_others_are_connected_one_by_one_until_one_is_established(
    store: RedisStore, clock: Clock
) -> None:
    assert connected(store, 3) == 3
    asks(store, "fails")
    say(store, "release", "fails")
    assert asks(store, "probe").wait == 0
    assert asks(store, "other") == Connected(LATER_IN_DOUBT, 4, PATIENCE_IN_DOUBT, doubted=True)
    say(store, "established", "probe")
    assert [asks(store, f"more {number}").wait for number in range(3)] == [0, 0, 0]


def test_one_that_is_not_made_after_all_is_nothing_to_doubt_the_relay_for(store: RedisStore, clock: Clock) -> None:
    asks(store, "first")
    say(store, "forgo", "first")
    assert asks(store, "next").wait == 0, "nobody waits for it"
    assert asks(store, "other") == Connected(LATER, 1, PATIENCE), "and it counts for none that was established"


def test_one_that_was_killed_while_it_connected_is_soon_in_nobodys_way(store: RedisStore, clock: Clock) -> None:
    asks(store, "killed")
    clock.now += 3 * KEEP_TURNS_EVERY
    assert asks(store, "next").wait == 0


def test_one_that_lives_has_its_turn_as_long_as_it_takes(store: RedisStore, clock: Clock) -> None:
    """Also where that is longer than a connection counts that nobody keeps."""
    asks(store, "patient")
    for _ in range(100):
        clock.now += KEEP_TURNS_EVERY
        store.connections.keep_turns("relay", ["patient"])
    assert asks(store, "next").wait > 0


def test_who_was_frozen_does_not_take_his_turn_back_from_others(store: RedisStore, clock: Clock) -> None:
    asks(store, "frozen")
    clock.now += 3 * KEEP_TURNS_EVERY
    asks(store, "next")
    store.connections.keep_turns("relay", ["frozen"])
    say(store, "release", "next")
    assert asks(store, "probe").wait == 0


def test_a_limit_that_is_reached_is_no_relay_that_does_not_answer(store: RedisStore, clock: Clock) -> None:
    assert connected(store, 2) == 2
    asks(store, "third")
    assert store.connections.connect("relay", "fourth", 3) == Connected(1.0, 3, None)


def test_who_asks_again_because_the_answer_was_lost_is_not_refused_for_himself(store: RedisStore, clock: Clock) -> None:
    assert asks(store, "first").wait == 0
    assert asks(store, "first").wait == 0
    assert store.connections.connect("relay", "first", 1).wait == 0, "nor for a limit that he has reached himself"


def test_one_that_is_kept_is_established_though_nobody_was_told_when_it_was(store: RedisStore, clock: Clock) -> None:
    asks(store, "first")
    store.connections.keep("relay", ["first"])
    assert asks(store, "next").wait == 0
    say(store, "release", "first")
    assert asks(store, "third").patience == PATIENCE, "and its end is nothing to doubt the relay for"
