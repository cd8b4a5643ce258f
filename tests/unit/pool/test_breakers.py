from __future__ import annotations

import pytest

from notifier.model.breaker import ACCOUNT_RULE, HOST_RULE, BreakerRule, LoginTurn, Permit, Place
from notifier.pool.local_breakers import LOGIN, LocalBreakers

RELAY, ANN = Place("relay:587"), Place("relay:587", "ann")
WRONG_PASSWORD = BreakerRule(consecutive=1, first=300.0, longest=3600.0)


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def breakers(clock: Clock) -> LocalBreakers:
    return LocalBreakers(clock)


def fail(breakers: LocalBreakers, times: int) -> list[float]:
    return [breakers.bad(RELAY, "host", HOST_RULE, "no answer") for _ in range(times)]


def test_a_breaker_opens_at_five_failures_in_a_row(breakers: LocalBreakers) -> None:
    assert fail(breakers, 5) == [0, 0, 0, 0, 30]
    assert breakers.permit(RELAY).wait == 30
    assert breakers.permit(RELAY).why == "no answer"


def test_a_success_in_between_begins_the_count_anew(breakers: LocalBreakers) -> None:
    fail(breakers, 4)
    breakers.good(RELAY)
    assert fail(breakers, 4) == [0, 0, 0, 0]


def test_a_breaker_opens_where_over_half_of_the_last_twenty_failed(breakers: LocalBreakers) -> None:
    opened = []
    for _ in range(7):
        opened += fail(breakers, 2)
        breakers.good(RELAY)
    assert opened == [0] * 13 + [30]


def test_a_half_open_breaker_lets_one_probe_through(breakers: LocalBreakers, clock: Clock) -> None:
    fail(breakers, 5)
    clock.now = 30
    assert breakers.permit(RELAY).probe
    assert breakers.permit(RELAY).wait == 5, "the others ask again soon"
    assert breakers.good(RELAY), "it has closed"
    assert breakers.permit(RELAY) == Permit()


def test_a_probe_that_fails_doubles_the_time_up_to_the_longest(breakers: LocalBreakers, clock: Clock) -> None:
    fail(breakers, 5)
    opened = []
    for _ in range(6):
        clock.now += breakers.permit(RELAY).wait
        assert breakers.permit(RELAY).probe
        opened += fail(breakers, 1)
    assert opened == [60, 120, 240, 480, 600, 600]


def test_failures_of_those_who_were_under_way_when_it_opened_say_nothing_new(breakers: LocalBreakers) -> None:
    fail(breakers, 5)
    assert fail(breakers, 20) == [0] * 20
    assert breakers.permit(RELAY).wait == 30


def test_a_probe_that_is_never_heard_of_again_is_replaced(breakers: LocalBreakers, clock: Clock) -> None:
    fail(breakers, 5)
    clock.now = 30
    assert breakers.permit(RELAY).probe
    clock.now += HOST_RULE.probe
    assert breakers.permit(RELAY).probe


def test_a_probe_that_is_not_made_is_let_through_again_at_once(breakers: LocalBreakers, clock: Clock) -> None:
    fail(breakers, 5)
    clock.now = 30
    assert breakers.permit(RELAY).probe
    breakers.forgo(RELAY)
    assert breakers.permit(RELAY).probe
    breakers.forgo(ANN)
    assert breakers.permit(ANN).probe


def test_of_a_login_that_was_never_seen_to_work_one_is_tried_at_a_time(breakers: LocalBreakers) -> None:
    assert breakers.permit(ANN).probe
    assert breakers.permit(ANN).wait == 1
    breakers.good(ANN)
    assert [breakers.permit(ANN) for _ in range(3)] == [Permit()] * 3


def test_a_login_that_worked_lets_the_others_log_in_before_its_mails_are_over(breakers: LocalBreakers) -> None:
    assert breakers.permit(ANN).probe
    assert not breakers.logged_in(ANN), "it was not open"
    assert [breakers.permit(ANN) for _ in range(3)] == [Permit()] * 3


def test_a_login_that_worked_closes_the_accounts_breaker(breakers: LocalBreakers, clock: Clock) -> None:
    breakers.bad(ANN, "account", WRONG_PASSWORD, "535 5.7.8 no")
    clock.now = 300
    assert breakers.permit(ANN).probe
    assert breakers.logged_in(ANN)
    assert breakers.permit(ANN) == Permit()


def test_a_login_that_worked_is_no_mail_that_the_relay_has_taken(breakers: LocalBreakers, clock: Clock) -> None:
    fail(breakers, 5)
    clock.now = 30
    assert breakers.permit(ANN).probe
    breakers.logged_in(ANN)
    assert breakers.permit(ANN).wait == 5, "the relay's own probe is under way"


def proven(breakers: LocalBreakers) -> None:
    breakers.permit(ANN)
    breakers.logged_in(ANN)


def test_of_a_login_that_works_three_are_under_way_at_once(breakers: LocalBreakers) -> None:
    proven(breakers)
    assert [breakers.log_in(ANN, name).wait for name in "abcd"] == [0, 0, 0, 1]
    breakers.login_over(ANN, "b")
    assert [breakers.log_in(ANN, name).wait for name in "de"] == [0, 1]


def test_while_others_begin_to_log_in_it_is_worth_waiting(breakers: LocalBreakers, clock: Clock) -> None:
    proven(breakers)
    for name in "ab":
        breakers.log_in(ANN, name)
    clock.now = 0.75
    breakers.log_in(ANN, "c")
    clock.now = 1.5
    assert breakers.log_in(ANN, "d") == LoginTurn(1.0, 0.25, "somebody else is trying the login")
    clock.now = 1.75
    assert breakers.log_in(ANN, "d").patience == 0, "and where it takes longer, to come back"


def test_after_a_login_that_failed_one_is_under_way_at_once(breakers: LocalBreakers) -> None:
    proven(breakers)
    breakers.bad(ANN, "account", ACCOUNT_RULE, "454 4.7.0 come again")
    answers = [breakers.log_in(ANN, name) for name in "ab"]
    assert [answer.wait for answer in answers] == [0, 1]
    assert answers[1].patience is None, "which may take its time"


def test_an_answer_that_was_lost_keeps_nobody_from_asking_again(breakers: LocalBreakers) -> None:
    proven(breakers)
    assert [breakers.log_in(ANN, name).wait for name in "abccc"] == [0] * 5


def test_a_login_that_is_never_heard_of_again_is_given_up(breakers: LocalBreakers, clock: Clock) -> None:
    proven(breakers)
    for name in "abc":
        breakers.log_in(ANN, name)
    clock.now += LOGIN
    assert breakers.log_in(ANN, "d").wait == 0


def test_no_login_begins_where_the_breaker_has_opened_since_its_permit(breakers: LocalBreakers, clock: Clock) -> None:
    proven(breakers)
    assert breakers.permit(ANN).clean
    breakers.bad(ANN, "account", WRONG_PASSWORD, "535 5.7.8 no")
    assert breakers.log_in(ANN, "a") == LoginTurn(300.0, why="535 5.7.8 no")
    clock.now = 300
    assert breakers.log_in(ANN, "a").wait == 1, "it is a probe's"


def test_mails_of_sessions_from_before_do_not_close_the_accounts_breaker(breakers: LocalBreakers, clock: Clock) -> None:
    """They go on though the password is refused; those that are under way say nothing of it."""
    proven(breakers)
    breakers.bad(ANN, "account", WRONG_PASSWORD, "535 5.7.8 no")
    assert not breakers.good(ANN)
    assert breakers.permit(ANN).wait == 300
    clock.now = 300
    assert breakers.permit(ANN).probe
    assert breakers.good(ANN)


def test_a_wrong_password_closes_the_account_and_not_the_relay(breakers: LocalBreakers) -> None:
    assert breakers.permit(ANN).probe
    assert breakers.bad(ANN, "account", WRONG_PASSWORD, "535 5.7.8 no") == 300
    assert breakers.permit(ANN).wait == 300
    assert breakers.permit(Place("relay:587", "bob")).probe
    assert breakers.permit(RELAY).wait == 0


def test_a_password_that_stays_wrong_is_tried_less_and_less_often(breakers: LocalBreakers, clock: Clock) -> None:
    logins = []
    while clock.now < 24 * 3600:
        permit = breakers.permit(ANN)
        if permit.wait:
            clock.now += permit.wait
            continue
        logins.append(clock.now)
        breakers.bad(ANN, "account", WRONG_PASSWORD, "535 5.7.8 no")
    assert logins[:5] == [0, 300, 900, 2100, 4500]
    assert len(logins) < 30


def test_a_relay_that_does_not_answer_is_not_held_against_the_account(breakers: LocalBreakers) -> None:
    assert breakers.permit(ANN).probe
    breakers.bad(ANN, "host", HOST_RULE, "no answer")
    assert breakers.permit(ANN).probe, "the login is still to be tried, by the next"


@pytest.mark.parametrize("wrong", [{"consecutive": 0}, {"share": 0}, {"first": 0}, {"first": 9, "longest": 8}])
def test_rules_that_cannot_work_are_refused(wrong: dict[str, float]) -> None:
    with pytest.raises(ValueError, match="breaker"):
        BreakerRule(**wrong)  # type: ignore[arg-type]


def test_an_account_waits_longer_than_a_relay() -> None:
    assert ACCOUNT_RULE.first > HOST_RULE.first
