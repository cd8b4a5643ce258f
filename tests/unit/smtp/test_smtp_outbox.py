"""`Outbox`: what waits to be written, and which terminators have left whole."""

from __future__ import annotations

import pytest

from notifier.smtp.outbox import Outbox

MAILS = [(b"MAIL 1\r\n", b"one\r\n.\r\n"), (b"MAIL 2\r\n", b"two\r\n.\r\n")]
FLIGHT = b"MAIL 1\r\none\r\n.\r\nMAIL 2\r\ntwo\r\n.\r\nQUIT\r\n"
ENDS = [FLIGHT.index(b"MAIL 2"), FLIGHT.index(b"QUIT")]


def _outbox() -> Outbox:
    outbox = Outbox()
    outbox.put_whole(MAILS, b"QUIT\r\n")
    return outbox


@pytest.mark.parametrize("count", range(len(FLIGHT) + 1))
def test_what_is_not_drained_waits_on_and_its_terminators_are_held_back(count: int) -> None:
    outbox, seen = _outbox(), list[bytes]()
    drained = outbox.drain(lambda octets: (seen.append(octets), count)[1])
    assert (seen, drained) == ([FLIGHT], count == len(FLIGHT))
    assert outbox.held_back == sum(count < end for end in ENDS)
    assert b"".join(outbox.waiting) == FLIGHT[count:]


@pytest.mark.parametrize("count", range(len(FLIGHT)))
def test_the_rest_is_what_is_taken_next_and_what_is_put_goes_behind_it(count: int) -> None:
    outbox = _outbox()
    outbox.drain(lambda _: count)
    outbox.put(b"NOOP\r\n")
    rest = outbox.take()
    assert rest == FLIGHT[count:] + b"NOOP\r\n"
    outbox.written(len(rest))
    assert (outbox.held_back, outbox.drain(len)) == (0, True)


def test_what_raises_has_written_nothing() -> None:
    outbox = _outbox()
    with pytest.raises(BrokenPipeError):
        outbox.drain(_broken)
    assert outbox.held_back == len(MAILS)


def _broken(octets: bytes) -> int:
    raise BrokenPipeError
