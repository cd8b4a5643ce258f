"""Who may see the console."""

from __future__ import annotations

from notifier.console.operator_page.access import IDLE, MOST_LINKS, MOST_SESSIONS, Access
from notifier.console.operator_page.serving import Addresses


class Clock:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


def test_a_link_opens_one_session() -> None:
    access = Access()
    link = access.new_link()
    session = access.enter(link)
    assert session is not None
    assert access.session(session.secret) is session
    assert access.enter(link) is None


def test_without_a_token_of_its_own_nothing_but_a_link_opens_a_session() -> None:
    access = Access()
    assert [access.enter(given) for given in ("", "None", "é", "x" * 9999)] == [None] * 4
    assert access.session("") is None


def test_the_operators_token_opens_many_sessions() -> None:
    access = Access("a token of twenty characters")
    first, second = (access.enter("a token of twenty characters") for _ in range(2))
    assert first is not None
    assert second is not None
    assert first.secret != second.secret
    assert first.form_token != second.form_token
    assert access.enter("a token of twenty character") is None


def test_the_operators_token_is_none_in_an_address() -> None:
    access = Access("a token of twenty characters")
    assert access.enter("a token of twenty characters", in_an_address=True) is None
    assert access.enter(access.new_link(), in_an_address=True) is not None


def test_a_session_ends_when_it_was_idle_for_long_or_is_left() -> None:
    clock = Clock()
    access = Access("token", clock)
    used, idle, left = (access.enter("token") for _ in range(3))
    assert used
    assert idle
    assert left
    access.leave(left)
    clock.now += IDLE - 1
    assert access.session(used.secret) is used
    clock.now += 2
    assert [access.session(one.secret) for one in (used, idle, left)] == [used, None, None]


def test_links_and_sessions_are_bounded_and_the_oldest_go() -> None:
    access = Access("token", Clock())
    links = [access.new_link() for _ in range(MOST_LINKS + 1)]
    assert access.enter(links[0]) is None
    assert access.enter(links[1]) is not None
    sessions = [access.enter("token") for _ in range(MOST_SESSIONS + 1)]
    living = [one is not None and access.session(one.secret) is not None for one in sessions]
    assert living == [False] + [True] * MOST_SESSIONS


def test_no_secret_is_in_a_sessions_representation() -> None:
    access = Access("token")
    session = access.enter("token")
    assert session is not None
    assert session.secret not in repr(session)
    assert session.form_token not in repr(session)


def test_a_notice_is_told_once() -> None:
    session = Access("token").enter("token")
    assert session is not None
    session.tell(True, "done")
    assert session.told() == [(True, "done")]
    assert session.told() == []


def test_an_exposed_console_answers_to_addresses_and_to_the_names_it_was_given() -> None:
    known = Addresses(["Mail.example.com"])
    assert all(name in known for name in ("10.0.0.7", "[2001:db8::1]", "mail.example.com"))
    assert not any(name in known for name in ("evil.example", "", "10.0.0.7.evil.example", "localhost"))
