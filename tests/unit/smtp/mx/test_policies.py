"""Which MTA-STS policy holds: announced, fetched, kept, refreshed. The clock is a test's."""

from __future__ import annotations

import pytest

from notifier.smtp.deadline import Deadline
from notifier.smtp.mx.answers import Answer, LookupFailed
from notifier.smtp.mx.sts import FRESH_FOR, NOT_AGAIN_FOR, Policies
from notifier.smtp.mx.sts_fetch import PolicyUnavailable
from notifier.smtp.mx.sts_policy import Mode, Policy

WEEK = 7 * 86_400
DOMAIN = "example.test"


def policy(*patterns: str, mode: Mode = Mode.ENFORCE, max_age: int = WEEK) -> Policy:
    return Policy(mode, max_age, patterns or ("mx.example.test",))


class World:
    """What a domain says: ``record`` in the DNS (None: nothing; an error: it fails), ``served`` by its web server."""

    def __init__(self) -> None:
        self.now = 0.0
        self.record: str | LookupFailed | None = "1"
        self.served: Policy | None = policy()
        self.fetches = 0
        self.policies = Policies(self, self.fetch, clock=lambda: self.now)  # type: ignore[arg-type]  # of the lookups, texts alone

    def texts(self, name: str, deadline: Deadline) -> Answer[bytes]:
        assert name == f"_mta-sts.{DOMAIN}"
        if isinstance(self.record, LookupFailed):
            raise self.record
        return Answer(() if self.record is None else (f"v=STSv1; id={self.record};".encode(),))

    def fetch(self, domain: str, deadline: Deadline) -> Policy:
        assert domain == DOMAIN
        self.fetches += 1
        if self.served is None:
            raise PolicyUnavailable("500")
        return self.served

    @property
    def holds(self) -> Policy | None:
        return self.policies.of(DOMAIN, Deadline.after(5))

    @property
    def holds_after_another_look(self) -> Policy | None:
        return self.policies.anew(DOMAIN, Deadline.after(5))


@pytest.fixture
def world() -> World:
    return World()


def test_a_policy_that_is_announced_is_fetched_once(world: World) -> None:
    assert [world.holds for _ in range(3)] == [policy()] * 3
    assert world.fetches == 1


@pytest.mark.parametrize("record", [None, LookupFailed("SERVFAIL")])
def test_what_is_not_announced_is_not_fetched(record: LookupFailed | None, world: World) -> None:
    world.record = record
    assert world.holds is None
    assert world.fetches == 0


def test_a_new_id_is_a_new_policy(world: World) -> None:
    assert world.holds == policy()
    world.record, world.served = "2", policy("other.test")
    assert world.holds == policy("other.test")


def test_without_a_new_id_the_web_server_is_asked_once_a_day(world: World) -> None:
    assert world.holds == policy()
    world.served = policy("other.test")
    world.now = FRESH_FOR - 1
    assert world.holds == policy()
    world.now = FRESH_FOR
    assert world.holds == policy("other.test")


@pytest.mark.parametrize("record", [None, LookupFailed("timeout"), "2"])
def test_what_was_fetched_holds_though_everything_else_is_suppressed(
    record: str | LookupFailed | None, world: World
) -> None:
    assert world.holds == policy()
    world.record, world.served = record, None
    for day in range(7):
        world.now = day * 86_400.0
        assert world.holds == policy()
    world.now = float(WEEK)
    assert world.holds is None


def test_a_refresh_prolongs_a_policy(world: World) -> None:
    for day in range(30):
        world.now = day * 86_400.0
        assert world.holds == policy()
    assert world.fetches == 30


def test_a_fetch_that_failed_is_not_tried_again_at_once(world: World) -> None:
    world.served = None
    assert [world.holds for _ in range(3)] == [None] * 3
    assert world.fetches == 1
    world.now = NOT_AGAIN_FOR
    world.served = policy()
    assert world.holds == policy()
    world.record, world.served = "2", None
    for _ in range(3):
        assert world.holds == policy()
    assert world.fetches == 3
    world.now += NOT_AGAIN_FOR
    world.served = policy("other.test")
    assert world.holds == policy("other.test")


def test_a_short_policy_is_refreshed_before_it_ends(world: World) -> None:
    world.served = policy(max_age=600)
    assert world.holds is not None
    world.now = 300
    assert world.holds is not None
    assert world.fetches == 2


def test_a_policy_for_no_time_holds_for_the_mail_that_it_was_fetched_for(world: World) -> None:
    world.served = policy(max_age=0)
    assert world.holds is not None
    world.record = None
    assert world.holds is None


def test_another_look_fetches_though_nothing_is_new_but_not_for_each_mail(world: World) -> None:
    assert world.holds == policy()
    world.served = policy("other.test")
    assert world.holds_after_another_look == policy(), "it was fetched a moment ago"
    world.now = NOT_AGAIN_FOR
    assert world.holds_after_another_look == policy("other.test")
    assert world.holds == policy("other.test")
    assert world.fetches == 2


def test_another_look_that_fails_leaves_the_policy_as_it_is(world: World) -> None:
    assert world.holds_after_another_look is None, "there is none"
    assert world.holds == policy()
    world.now, world.served = NOT_AGAIN_FOR, None
    assert world.holds_after_another_look == policy()
    assert world.holds_after_another_look == policy()
    assert world.fetches == 2
