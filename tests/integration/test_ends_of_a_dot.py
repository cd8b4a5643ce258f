"""The ledger takes a mail over a fixed time after its dot was recorded: whatever a server makes of the replies behind it, by then
nobody writes or waits any more.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import replace

import pytest
from hostile_sessions import DATA, PATIENT, WAYS, endpoint, honest, mail, states

from notifier.smtp import Mode, Session
from notifier.testing import Blackhole, Delay, HostileServer, Moment

FINAL_REPLY = 3.0  # seconds
SLOW = 1.5  # seconds: each reply comes in time, and all of them together do not
TIMEOUTS = replace(PATIENT, final_reply=FINAL_REPLY)
REPLIES = 5  # the last one comes two seconds behind the end
PLAN = {(Moment.FINAL_REPLY, number): Delay(SLOW) for number in range(2, REPLIES + 1)}


def at_once(_: Sequence[int]) -> float:
    """The last moment at which the terminator may be written."""
    return time.monotonic() + 1.0


def test_the_replies_of_all_recipients_share_one_end() -> None:
    with HostileServer(PLAN, offers=WAYS["pipelined"], lmtp=True) as server:
        message = mail(*(f"{number}@x.example" for number in range(REPLIES)))
        with Session.open(endpoint(server, mode=Mode.LMTP, timeouts=TIMEOUTS)) as session:
            (outcome,) = session.send_many([message], at_once)
            assert not session.usable
        first, *_, last = outcome.recipients.values()
        assert (first.state, last.state) == ("accepted", "unknown")
        assert last.fault is not None
        assert last.fault.taxonomy_id == "Z9"


def test_so_do_the_replies_of_all_mails_behind_one_record() -> None:
    with HostileServer(PLAN, offers=WAYS["chunked"]) as server:
        with Session.open(endpoint(server, window=8, timeouts=TIMEOUTS)) as session:
            outcomes = list(session.send_many([mail(f"{number}@x.example") for number in range(REPLIES)], at_once))
        assert states(outcomes[0]) == {"accepted"}
        assert states(outcomes[-1]) == {"unknown"}


def test_mails_with_records_of_their_own_have_ends_of_their_own() -> None:
    plan = {Moment.FINAL_REPLY: Delay(SLOW)}
    with HostileServer(plan, offers=WAYS["pipelined"]) as server:
        with Session.open(endpoint(server, timeouts=TIMEOUTS)) as session:
            outcomes = list(session.send_many([mail(f"{number}@x.example") for number in range(3)], at_once))
        assert [states(one) for one in outcomes] == [{"accepted"}] * 3


def test_without_a_ledger_each_reply_has_its_whole_time() -> None:
    with HostileServer(PLAN, offers=WAYS["pipelined"], lmtp=True) as server:
        message = mail(*(f"{number}@x.example" for number in range(REPLIES)))
        with Session.open(endpoint(server, mode=Mode.LMTP, timeouts=TIMEOUTS)) as session:
            (outcome,) = session.send_many([message])
        assert states(outcome) == {"accepted"}


@pytest.mark.parametrize(
    ("way", "window", "mails", "size"), [("chunked", 32, 24, 500_000), ("lock step", 1, 1, 60_000)]
)
def test_nobody_writes_behind_the_end(way: str, window: int, mails: int, size: int) -> None:
    """Each piece of a long flight has the time of a block: together they may take hours."""
    data = DATA + b"x" * 68 + b"\r\n" + (b"y" * 68 + b"\r\n") * (size // 70)
    timeouts = replace(PATIENT, final_reply=0.5)
    with HostileServer({Moment.BODY: Blackhole(reading=False)}, offers=WAYS[way], small_window=True) as server:
        with Session.open(endpoint(server, window=window, timeouts=timeouts)) as session:
            began = time.monotonic()
            outcomes = list(session.send_many([mail(data=data)] * mails, at_once))
            assert time.monotonic() - began < timeouts.body_block / 2
        for outcome in outcomes:
            honest(server, outcome)
        assert states(outcomes[-1]) <= {"deferred", "unknown"}
