"""Commands on the wire, and what becomes of a connection in a round trip."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from typing import Any

import pytest
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import ResponseError
from redis.exceptions import TimeoutError as RedisTimeoutError

from notifier.model.state import MailState
from notifier.store.round_trips import RoundTrips, packed
from notifier.store.rows import Row

GET = [("GET", "x")]


class Played:
    """A connection whose answers are known; an error among them is raised."""

    def __init__(self, *answers: Any) -> None:
        self.sent: list[bytes] = []
        self.disconnects = 0
        self._answers = iter(answers)

    def disconnect(self) -> None:
        self.disconnects += 1

    def send_packed_command(self, command: Sequence[bytes], check_health: bool) -> None:
        assert not check_health
        self.sent += command

    def read_response(self) -> Any:
        answer = next(self._answers)
        if isinstance(answer, BaseException):
            raise answer
        return answer


def trips(*connections: Played) -> RoundTrips:
    made = itertools.chain(connections)
    return RoundTrips(lambda: next(made))


def test_arguments_are_counted_in_octets() -> None:
    commands = [("SET", "ключ", b"\x00\xff"), ("X", 12, 1.5, MailState.SENT)]
    assert packed(commands) == (
        b"*3\r\n$3\r\nSET\r\n$8\r\n" + "ключ".encode() + b"\r\n$2\r\n\x00\xff\r\n"
        b"*4\r\n$1\r\nX\r\n$2\r\n12\r\n$3\r\n1.5\r\n$4\r\nsent\r\n"
    )


def test_a_connection_is_used_again() -> None:
    one = Played(b"1", b"2")
    quick = trips(one)
    assert [quick.answers(GET), quick.answers(GET)] == [[b"1"], [b"2"]]
    assert one.sent == [packed(GET)] * 2


def test_a_refusal_is_an_answer_and_those_behind_it_are_read() -> None:
    refusal = ResponseError("no")
    one = Played(b"1", refusal, b"3")
    assert trips(one).answers(GET * 3) == [b"1", refusal, b"3"]
    assert one.disconnects == 0


def test_a_connection_that_was_closed_meanwhile_is_replaced_once() -> None:
    one = Played(RedisConnectionError("closed"), b"1")
    assert trips(one).answers(GET) == [b"1"]
    assert (one.disconnects, one.sent) == (1, [packed(GET)] * 2)


def test_a_server_that_is_gone_is_not_asked_a_third_time() -> None:
    one = Played(RedisConnectionError("closed"), RedisConnectionError("refused"))
    with pytest.raises(RedisConnectionError, match="refused"):
        trips(one).answers(GET)
    assert len(one.sent) == 2


@pytest.mark.parametrize("failure", [RedisTimeoutError("late"), KeyboardInterrupt()])
def test_after_anything_else_its_answers_are_nobodys(failure: BaseException) -> None:
    broken, fresh = Played(b"1", failure), Played(b"3")
    quick = trips(broken, fresh)
    with pytest.raises(type(failure)):
        quick.answers(GET * 2)
    assert (broken.disconnects, len(broken.sent)) == (1, 1)
    assert quick.answers(GET) == [b"3"]


def test_what_is_parked_is_closed() -> None:
    one, other = Played(b"1"), Played(b"2")
    quick = trips(one, other)
    quick.answers(GET)
    quick.close()
    assert one.disconnects == 1
    assert quick.answers(GET) == [b"2"]


@pytest.mark.parametrize(
    ("behind", "texts"),
    [(b"  ", ("", "")), (b" 0123abcd ", ("0123abcd", "")), (b"  00-1-2-01", ("", "00-1-2-01"))],
)
def test_a_row_is_divided_by_its_counts(behind: bytes, texts: tuple[str, str]) -> None:
    row = Row.read(b"an-id 7 1 2 3 4 5000 6 2 3" + behind + b"\n{\n\xc3\xa9 }{}[1]Subject: \n\r\n")
    assert row == Row("an-id", 7, 1, 2, 3, 4, 5000, b"{\n\xc3\xa9 }", b"{}", b"[1]", b"Subject: \n\r\n", *texts)
