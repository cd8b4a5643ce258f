"""`NetworkStream` on a pair of sockets: how long a read waits, and what never waits."""

from __future__ import annotations

import signal
import socket
import threading
from collections.abc import Iterator

import pytest

from notifier.smtp.deadline import Deadline
from notifier.smtp.stream import NetworkStream, StreamClosed, StreamTimeout

Pair = tuple[NetworkStream, socket.socket]
LATE = 0.3  # seconds


@pytest.fixture
def pair() -> Iterator[Pair]:
    near, far = socket.socketpair()
    stream = NetworkStream(near)
    yield stream, far
    stream.close()
    far.close()


@pytest.mark.parametrize("seconds", [0.0, LATE])
def test_a_read_from_a_silent_server_ends(pair: Pair, seconds: float) -> None:
    with pytest.raises(StreamTimeout):
        pair[0].read(Deadline.after(seconds))


def test_a_timer_of_the_applications_does_not_keep_a_read_beyond_its_time(pair: Pair) -> None:
    before = signal.signal(signal.SIGALRM, lambda *_: None)
    signal.setitimer(signal.ITIMER_REAL, LATE / 4, LATE / 4)
    try:
        with pytest.raises(StreamTimeout):
            pair[0].read(Deadline.after(LATE))
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


@pytest.mark.parametrize("after", [0.0, LATE])
def test_a_read_has_what_comes_in_time(pair: Pair, after: float) -> None:
    sending = threading.Timer(after, pair[1].send, [b"250 ok\r\n"])
    sending.start()
    assert pair[0].read(Deadline.after(60)) == b"250 ok\r\n"
    sending.join()


def test_a_read_has_the_news_of_an_end(pair: Pair) -> None:
    pair[1].close()
    with pytest.raises(StreamClosed):
        pair[0].read(Deadline.after(60))
    assert pair[0].ended


def test_what_has_come_is_asked_for_without_waiting(pair: Pair) -> None:
    stream, far = pair
    assert (stream.readable, stream.read_now()) == (False, None)
    far.send(b"421 bye\r\n")
    assert (stream.readable, stream.read_now()) == (True, b"421 bye\r\n")


def test_a_server_that_takes_nothing_is_waited_for_until_the_deadline(pair: Pair) -> None:
    written: list[int] = []
    with pytest.raises(StreamTimeout):
        pair[0].write(b"x" * 10_000_000, Deadline.after(0.05), written.append, written.append)  # type: ignore[arg-type]
    assert 0 < sum(written) < 10_000_000


def test_what_is_written_at_once_is_what_the_system_takes(pair: Pair) -> None:
    stream, far = pair
    assert stream.write_now(b"MAIL\r\n") == len(b"MAIL\r\n")
    taken = sum(iter(lambda: stream.write_now(b"x" * 100_000), 0))
    assert stream.write_now(b"x") == 0, "full, and nothing was waited for"
    octets = far.recv(len(b"MAIL\r\n"))
    while len(octets) < len(b"MAIL\r\n") + taken:
        octets += far.recv(1_000_000)
    assert octets == b"MAIL\r\n" + b"x" * taken


def test_nothing_is_written_at_once_to_a_server_that_has_gone(pair: Pair) -> None:
    pair[1].close()
    with pytest.raises(StreamClosed):
        pair[0].write_now(b"MAIL\r\n")
    assert pair[0].ended
