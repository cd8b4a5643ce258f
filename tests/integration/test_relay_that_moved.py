"""A relay that gets another address in the DNS: its sessions end with their age, and the next one goes where it is now."""

from __future__ import annotations

import socket
import time
from collections.abc import Iterator
from contextlib import closing

import pytest

from notifier.model.envelope import Envelope, MailObject
from notifier.pool import PoolConfig, SessionPool
from notifier.smtp import Endpoint, TLSPolicy
from notifier.testing import CatchingServer

AGE = 300.0
AT_THE_LATEST = AGE * 1.1  # an age is spread by a tenth either way
BOUNDS = PoolConfig(size=1, max_age=AGE, max_idle=AGE * 10)  # nothing but its age ends a session
RELAY = Endpoint("relay.example", 25, tls=TLSPolicy.NONE)
MAIL = MailObject(Envelope("s@x.example", ("a@x.example",)), b"Subject: hello\r\n\r\nhello\r\n")


class Zone:
    """What the resolver says of the relay, and the time that the pool goes by."""

    def __init__(self) -> None:
        self.now = 0.0
        self.there: CatchingServer | None = None

    def clock(self) -> float:
        return self.now

    def getaddrinfo(self, *_: object, **__: object) -> list[tuple[object, ...]]:
        assert self.there is not None
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (self.there.host, self.there.port))]


@pytest.fixture
def zone(monkeypatch: pytest.MonkeyPatch) -> Zone:
    zone = Zone()
    # The system's own resolver cannot be told to change its mind; all behind it is real.
    monkeypatch.setattr("socket.getaddrinfo", zone.getaddrinfo)
    return zone


@pytest.fixture
def pool(zone: Zone) -> Iterator[SessionPool]:
    with closing(SessionPool(RELAY, BOUNDS, clock=zone.clock, upkeep=False)) as pool:
        yield pool


def send(pool: SessionPool) -> None:
    with pool.session(time.monotonic() + 60) as session:
        (outcome,) = session.send_many([MAIL])
        assert outcome.faults == ()


def test_a_relay_that_moved_is_left_when_its_sessions_have_reached_their_age(zone: Zone, pool: SessionPool) -> None:
    with CatchingServer(starttls=False) as before, CatchingServer(starttls=False) as after:
        zone.there = before
        send(pool)
        zone.there = after
        send(pool)
        assert (len(before.mailbox), len(after.mailbox)) == (2, 0), "a session that works is used"
        zone.now = AT_THE_LATEST
        send(pool)
        assert (len(before.mailbox), len(after.mailbox)) == (2, 1)


def test_a_session_that_is_in_use_all_the_time_leaves_as_soon_as_it_comes_back(zone: Zone, pool: SessionPool) -> None:
    with CatchingServer(starttls=False) as before, CatchingServer(starttls=False) as after:
        zone.there = before
        with pool.session(time.monotonic() + 60) as session:
            zone.there, zone.now = after, AT_THE_LATEST
            list(session.send_many([MAIL]))
        assert pool.stats()["retired_age"] == 1
        send(pool)
        assert (len(before.mailbox), len(after.mailbox)) == (1, 1)
