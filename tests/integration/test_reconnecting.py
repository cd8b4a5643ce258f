"""Relays that end connections, in every way that relays do: mails arrive once, and it costs them no attempt."""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from random import Random

import pytest
from delivering import Desk, copies, desk, promises, relay
from workers import wait_until

from notifier.model.breaker import BreakerRule, BreakerRules
from notifier.pool import PoolConfig
from notifier.settings.relay import parse_relay
from notifier.testing import CatchingServer, Drop, EmbeddedValkey, HostileServer, Mischief, Moment, Refuse, Say

BYE = b"421 4.3.2 Service not available, closing\r\n"
GOODBYE = Say(BYE, then_close=True)


def check(at: Desk, ids: list[str], server: HostileServer) -> None:
    at.relays.close(1.0)
    assert server.at_rest()
    promises([at.status(one) for one in ids], copies(server))


@dataclass(frozen=True)
class Farewell:
    """What the first connection does, what the first of three mails pays for it, and how its session is retired."""

    plan: Mapping[Moment | tuple[Moment, int], Mischief]
    attempts: int = 1
    setbacks: int = 0
    reason: str = "said_421"


FAREWELLS = {
    "421 as greeting": Farewell({Moment.GREETING: GOODBYE}, reason="SessionNotOpened"),
    "421 to EHLO": Farewell({Moment.EHLO: GOODBYE}, reason="SessionNotOpened"),
    "421 to the first MAIL": Farewell({Moment.MAIL: GOODBYE}, setbacks=1),
    "421 to RCPT": Farewell({Moment.RCPT: GOODBYE}, setbacks=1),
    "421 to DATA": Farewell({Moment.DATA: GOODBYE}, setbacks=1),
    "421 in the body": Farewell({Moment.BODY: GOODBYE}, attempts=2),
    "421 as final reply": Farewell({Moment.FINAL_REPLY: GOODBYE}, attempts=2),
    "closed without a greeting": Farewell({Moment.GREETING: Drop()}, reason="SessionNotOpened"),
    "closed at MAIL": Farewell({Moment.MAIL: Drop()}, setbacks=1, reason="peer_closed"),
    "closed at RCPT": Farewell({Moment.RCPT: Drop()}, setbacks=1, reason="peer_closed"),
    "closed at DATA": Farewell({Moment.DATA: Drop()}, setbacks=1, reason="peer_closed"),
}


@pytest.mark.parametrize("name", FAREWELLS)
def test_a_relay_that_takes_its_leave(name: str, valkey_server: EmbeddedValkey) -> None:
    expected = FAREWELLS[name]
    with (
        HostileServer(expected.plan, offers=("PIPELINING",), connection=1) as server,
        desk(valkey_server.url, relay(server)) as at,
    ):
        ids = at.post(1, text="A text\n" * 2000) + at.post(2)
        at.deliver()
        assert at.kinds()[expected.reason] == 1
        check(at, ids, server)
        found = [(one.attempt, one.setbacks) for one in map(at.status, ids)]
        assert found == [(expected.attempts, expected.setbacks), (1, 0), (1, 0)]


@pytest.mark.parametrize("how", [Refuse("421 4.7.0 Enough"), GOODBYE, Drop()], ids=["421", "421 and closed", "closed"])
@pytest.mark.parametrize("offers", [("PIPELINING",), ()], ids=["pipelined", "lock step"])
def test_a_relay_that_ends_each_connection_after_three_mails(
    how: Mischief, offers: tuple[str, ...], valkey_server: EmbeddedValkey
) -> None:
    with HostileServer({(Moment.MAIL, 4): how}, offers=offers) as server, desk(valkey_server.url, relay(server)) as at:
        ids = at.post(30)
        at.deliver()
        check(at, ids, server)
        assert {(one.attempt, one.setbacks) for one in map(at.status, ids)} == {(1, 0)}
        assert server.connections == 10, "each connection carried what it could"


def test_no_connection_carries_more_than_its_bound_however_many_are_claimed_at_once(
    valkey_server: EmbeddedValkey,
) -> None:
    bounds = PoolConfig(size=1, messages_per_connection=4)
    with HostileServer() as server, desk(valkey_server.url, relay(server), bounds) as at:
        ids = at.post(18)
        at.deliver(batch=7)
        assert at.kinds()["uses"] == 4
        check(at, ids, server)
        assert [heard.count(b"MAIL FROM") for heard in server.heard] == [4, 4, 4, 4, 2]


@dataclass
class Silence:
    """Seconds. A relay drops a silent client after 1, 5 or 15 s, and has a tenth of that here; the pool has what it ships
    with, or a tenth where both shall have as much, or where it is surely the first: RFC 5321 asks relays for minutes.
    """

    relay: float
    pool: float = 15.0
    reasons: tuple[str, ...] = ("said_421",)


SILENCES = [Silence(0.1), Silence(0.5), Silence(1.5, 1.5, ("said_421", "idle")), Silence(300.0, 0.1, ("idle",))]


@pytest.mark.parametrize("silence", SILENCES, ids=str)
def test_a_relay_that_drops_idle_sessions_costs_nothing(silence: Silence, valkey_server: EmbeddedValkey) -> None:
    with (
        HostileServer(patience=silence.relay) as server,
        desk(valkey_server.url, relay(server), PoolConfig(max_idle=silence.pool)) as at,
    ):
        ids = []
        for _ in range(2):
            ids += at.post(2)
            at.deliver()
            assert server.at_rest(), "whoever was first has ended the connection"
        ids += at.post(2)
        at.deliver()
        retired = [reason for reason in at.kinds().elements() if reason in ("said_421", "idle", "peer_closed")]
        assert len(retired) >= 2
        assert set(retired) <= set(silence.reasons)
        check(at, ids, server)
        assert {(one.attempt, one.setbacks) for one in map(at.status, ids)} == {(1, 0)}


def test_relays_that_drop_idle_sessions_after_1_5_and_15_seconds_cost_the_shipped_pool_nothing(
    valkey_server: EmbeddedValkey,
) -> None:
    with ExitStack() as held:
        servers = [held.enter_context(HostileServer(patience=seconds)) for seconds in (1.0, 5.0, 15.0)]
        desks = [held.enter_context(desk(valkey_server.url, relay(server))) for server in servers]
        ids: list[list[str]] = [[], [], []]
        for idle in (True, False):
            for at, mine in zip(desks, ids, strict=True):
                mine.extend(at.post(1))  # a second one might be held up until its relay is out of patience
                at.deliver()
            if idle:
                wait_until(lambda: all(server.at_rest() for server in servers), "each has lost its patience")
        for server, at, mine in zip(servers, desks, ids, strict=True):
            check(at, mine, server)
            assert {(one.attempt, one.setbacks) for one in map(at.status, mine)} == {(1, 0)}
            assert at.kinds()["SessionOpened"] == 2, "one before the silence, one after it"


@pytest.mark.parametrize("offers", [("PIPELINING",), ("PIPELINING", "CHUNKING")], ids=["pipelined", "chunked"])
def test_mails_that_come_just_when_the_relay_loses_its_patience(
    offers: tuple[str, ...], valkey_server: EmbeddedValkey
) -> None:
    """Its 421 and our MAIL pass each other on the way, now and then: the gaps are about as long as its patience."""
    rng = Random(8)  # noqa: S311 - it repeats
    with HostileServer(patience=0.02, offers=offers) as server, desk(valkey_server.url, relay(server)) as at:
        ids: list[str] = []
        while len(ids) < 100 or not 1 < server.connections < len(ids):  # some came in time, and some did not
            assert len(ids) < 1000
            gap = rng.uniform(0.012, 0.024) if len(ids) % 4 else 0.0
            ids += at.post(1)
            at.deliver()
            time.sleep(gap)
        check(at, ids, server)


@pytest.mark.parametrize(
    "plan",
    [
        {Moment.RCPT: Refuse("452 4.5.3 Too many recipients")},
        {Moment.RCPT: Refuse("503 5.5.1 Not now")},
        {Moment.MAIL: Refuse("530 5.7.0 Authentication required")},
        {Moment.MAIL: Refuse("503 5.5.1 Bad sequence")},
    ],
    ids=lambda plan: next(iter(plan.values())).octets.decode()[:9],
)
def test_an_answer_that_another_connection_would_repeat_is_not_asked_for_again_at_once(
    plan: Mapping[Moment, Mischief], valkey_server: EmbeddedValkey
) -> None:
    with HostileServer(plan) as server, desk(valkey_server.url, relay(server), scale=1.0) as at:
        ids = at.post(3)
        rounds = 0
        while at.round() and rounds < 20:
            rounds += 1
        assert rounds <= 6, "all of them wait by their ladder now"
        assert server.connections <= 4
        assert {str(at.status(one).state) for one in ids} == {"waiting"}


def test_a_relay_that_restarts_again_and_again_in_mid_run(valkey_server: EmbeddedValkey) -> None:
    down = BreakerRules(host=BreakerRule(first=0.02, longest=0.05))
    with CatchingServer() as server:
        endpoint = parse_relay(server.url).endpoint
        with desk(valkey_server.url, endpoint, PoolConfig(size=3), breakers=down) as at:
            ids = at.post(400)
            threads = [threading.Thread(target=at.deliver) for _ in range(4)]
            for thread in threads:
                thread.start()
            for share in (50, 130, 210, 290):
                wait_until(lambda share=share: len(server.mailbox) >= share, f"{share} mails", look_every=0.001)
                server.stop()
                server.start()
            for thread in threads:
                thread.join()
            arrived = {
                key.strip("<>").partition("@")[0]: len(mails) for key, mails in server.mailbox.by_message_id().items()
            }
            promises([at.status(one) for one in ids], Counter(arrived))
            assert server.visits.most <= 3
