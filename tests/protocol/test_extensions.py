"""What is made of the lines behind EHLO, whatever stands in them."""

from __future__ import annotations

import threading

import pytest

from notifier.protocol.extensions import Extensions
from notifier.protocol.reply import Reply


def offered(*lines: bytes) -> Extensions:
    return Extensions.parse(Reply(250, (b"relay.example greets you", *lines)))


def test_keywords_in_any_case_with_their_parameters() -> None:
    server = offered(b"pipelining", b"Size 1000", b"AUTH PLAIN", b"AUTH=LOGIN plain")
    assert "PIPELINING" in server
    assert server.size_limit == 1000
    assert server.auth_mechanisms == ("PLAIN", "LOGIN")
    assert server.name == "relay.example"


def test_of_a_keyword_that_comes_twice_the_first_counts() -> None:
    assert offered(b"SIZE 5", b"SIZE 1000").size_limit == 5


@pytest.mark.parametrize("digits", [21, 4300, 4301, 8000])
@pytest.mark.parametrize("line", [b"SIZE ", b"LIMITS RCPTMAX=", b"LIMITS MAILMAX="])
def test_a_number_of_many_digits_is_no_limit(line: bytes, digits: int) -> None:
    """`int` raises beyond 4300: a hostile EHLO ended in a traceback."""
    server = offered(line + b"9" * digits)
    assert (server.size_limit, server.rcpt_max, server.mail_max) == (None, None, None)


@pytest.mark.parametrize("value", [b"", b"0", b"00", b"-1", b"+5", b"1e9", "٣".encode(), b"5\xff"])
def test_what_is_no_number_is_no_limit(value: bytes) -> None:
    server = offered(b"SIZE " + value, b"LIMITS MAILMAX=" + value + b" RCPTMAX=" + value)
    assert (server.size_limit, server.mail_max) == (None, None)


def test_limits_are_read() -> None:
    server = offered(b"SIZE 0000000000000001000", b"LIMITS RCPTMAX=20 MAILMAX=5 OTHER=x")
    assert (server.size_limit, server.rcpt_max, server.mail_max) == (1000, 20, 5)


@pytest.mark.parametrize("line", [b"\x1b]0;title\x07", b"-X", b"[red]", b"X\x1b[2J", b"", b" ", "ÜX".encode()])
def test_a_line_without_a_keyword_offers_nothing(line: bytes) -> None:
    assert offered(line).keywords == {}


def test_a_thread_that_is_stopped_in_the_middle_stops_no_other() -> None:
    """With a lock around it a child would wait for ever that was forked meanwhile."""
    began, go_on = threading.Event(), threading.Event()

    class Slow(dict[str, str]):
        def get(self, *_: object) -> str:  # type: ignore[override]
            began.set()
            go_on.wait(10)
            return ""

    slow = threading.Thread(target=lambda: Extensions("a", Slow()).size_limit)
    other = threading.Thread(target=lambda: Extensions("b").size_limit)
    slow.start()
    began.wait(10)
    other.start()
    other.join(2)
    waits = other.is_alive()
    go_on.set()
    slow.join()
    other.join()
    assert not waits
