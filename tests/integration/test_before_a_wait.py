"""A session says when it is about to send or to wait, so that its owner holds no outcome meanwhile."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import pytest
from delivering import relay

from notifier.model.envelope import Envelope, MailObject
from notifier.smtp import Session
from notifier.testing import HostileServer

MAILS = [MailObject(Envelope("s@x.example", (f"{number}@y.example",)), b"x\r\n") for number in range(4)]
OUTCOME, WAIT, DOT = "outcome", "wait", "dot"


def said(offers: tuple[str, ...], window: int = 1) -> list[str]:
    """What happened, in its order."""
    happened: list[str] = []

    def before_dot(positions: Sequence[int]) -> float:
        happened.append(DOT)
        return float("inf")

    with HostileServer(offers=offers) as server, Session.open(relay(server, window=window)) as session:
        happened.extend(OUTCOME for _ in session.send_many(MAILS, before_dot, lambda: happened.append(WAIT)))
    assert happened.count(OUTCOME) == len(MAILS)
    return happened


def test_in_lock_step_it_waits_behind_each_mail() -> None:
    assert said(()) == [DOT, OUTCOME, WAIT] * 3 + [DOT, OUTCOME]


def test_where_the_next_dot_comes_at_once_there_is_no_wait() -> None:
    assert said(("PIPELINING",)) == [DOT, OUTCOME] * 4


def test_in_a_window_there_is_no_wait_but_behind_an_outcome() -> None:
    happened = said(("PIPELINING", "CHUNKING"), window=4)
    assert happened[:2] == [DOT, OUTCOME]
    assert all(before == OUTCOME for before, now in pairwise(happened) if now == WAIT)
    assert happened[-1] == OUTCOME


def test_what_the_owner_raises_then_passes_through_and_closes_the_session() -> None:
    def fails() -> None:
        raise RuntimeError("the ledger is away")

    with HostileServer(offers=()) as server, Session.open(relay(server)) as session:
        with pytest.raises(RuntimeError, match="the ledger is away"):
            list(session.send_many(MAILS, lambda _: float("inf"), fails))
        assert not session.usable
        assert len(server.accepted) == 1
