"""Relays that end a connection behind so many mails: nothing is unknown, nothing counted, and soon nothing broken off."""

from __future__ import annotations

import threading
import time
from collections import Counter, deque
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest
from workers import plant, wait_until

import notifier
from notifier import send_bulk
from notifier.model.envelope import Envelope, MailObject
from notifier.model.outcome import Outcome, RecipientState
from notifier.pool import PoolConfig, SessionPool
from notifier.smtp import Endpoint, Session, TLSPolicy
from notifier.testing import Drop, HostileServer, Mischief, Moment, Say
from notifier.testing.hostile import When
from notifier.testing.peer import Peer

CHUNKED = ("PIPELINING", "8BITMIME", "CHUNKING", "ENHANCEDSTATUSCODES")
WAYS = {"chunked": CHUNKED, "pipelined": ("PIPELINING", "8BITMIME"), "lock step": ("8BITMIME",)}
ENOUGH = 5  # mails
# With 421 for the next MAIL, or without a word.
SAID: dict[When, Mischief] = {(Moment.MAIL, ENOUGH + 1): Say(b"421 4.7.0 Enough\r\n", then_close=True)}
UNSAID: dict[When, Mischief] = {(Moment.IDLE, ENOUGH): Drop()}


def mails(count: int) -> list[MailObject]:
    texts = (f"Subject: {number}\r\n\r\n{number}\r\n" for number in range(count))
    return [MailObject(Envelope("s@x.example", ("a@x.example",)), text.encode()) for text in texts]


def endpoint(server: HostileServer) -> Endpoint:
    return Endpoint(server.host, server.port, tls=TLSPolicy.NONE, ehlo_name="client.example")


def state(outcome: Outcome) -> RecipientState:
    return outcome.recipients["a@x.example"].state


def send_all(pool: SessionPool, wanted: Sequence[MailObject], batch: int) -> Counter[RecipientState]:
    """As the courier does: no more than a session has room for, and again what was deferred with nothing handed over."""
    found: Counter[RecipientState] = Counter()
    left = deque(wanted)
    while left:
        with pool.session(time.monotonic() + 10) as session:
            theirs = [left.popleft() for _ in range(min(batch, session.room, len(left)))]
            for outcome in session.send_many(theirs):
                found[state(outcome)] += 1
                if state(outcome) is RecipientState.DEFERRED:
                    left.append(theirs[outcome.position])
    return found


@pytest.mark.parametrize("offers", WAYS.values(), ids=WAYS.keys())
def test_what_two_connections_have_met_with_the_next_ones_stay_within(offers: tuple[str, ...]) -> None:
    with HostileServer(SAID, offers=offers) as server:
        pool = SessionPool(endpoint(server), PoolConfig(messages_per_connection=1000))
        found = send_all(pool, mails(60), batch=7)
        pool.close()
        assert found[RecipientState.UNKNOWN] == 0
        assert Counter(one.octets for one in server.accepted) == Counter(one.data for one in mails(60))
        assert server.connections == 60 / ENOUGH, "none was opened in vain"
        stats = pool.stats()
    assert stats["retired_said_421"] == 2
    assert stats["retired_uses"] == 60 / ENOUGH - 2
    assert found[RecipientState.DEFERRED] <= 2 * (7 - 1)


@pytest.mark.parametrize("offers", [WAYS["pipelined"], WAYS["lock step"]], ids=["pipelined", "lock step"])
def test_it_is_learned_of_relays_that_leave_without_a_word_too(offers: tuple[str, ...]) -> None:
    with HostileServer(UNSAID, offers=offers) as server:
        pool = SessionPool(endpoint(server), PoolConfig(messages_per_connection=1000))
        send_all(pool, mails(60), batch=7)
        pool.close()
        assert Counter(one.octets for one in server.accepted) == Counter(one.data for one in mails(60))
    assert pool.stats()["retired_peer_closed"] == 2


@pytest.mark.parametrize("offers", WAYS.values(), ids=WAYS.keys())
def test_where_as_many_go_as_batches_hold_the_end_is_learned_between_two_of_them(offers: tuple[str, ...]) -> None:
    with HostileServer(SAID, offers=offers) as server:
        pool = SessionPool(endpoint(server), PoolConfig(messages_per_connection=1000))
        found = send_all(pool, mails(60), batch=ENOUGH)
        pool.close()
        assert Counter(one.octets for one in server.accepted) == Counter(one.data for one in mails(60))
        stats = pool.stats()
    assert (stats["retired_said_421"], stats["retired_uses"]) == (2, 60 / ENOUGH - 2)
    assert found[RecipientState.DEFERRED] == 2 * ENOUGH


@pytest.mark.parametrize("offers", WAYS.values(), ids=WAYS.keys())
def test_a_relay_that_is_tired_of_waiting_says_nothing_about_the_number_of_mails(offers: tuple[str, ...]) -> None:
    with HostileServer({(Moment.MAIL, 2): Say(b"421 4.4.2 Idle\r\n", then_close=True)}, offers=offers) as server:
        pool = SessionPool(endpoint(server))
        for _ in range(4):
            send_all(pool, mails(1), batch=1)
            for parked in pool._places.sessions():
                parked.session._wire.read_at -= 1.0  # the shortest rest that servers end a connection for
        with pool.session(time.monotonic() + 10) as session:
            assert session.room >= 99
        pool.close()


def test_what_is_set_is_kept_to_the_mail_however_big_the_batch() -> None:
    with HostileServer(SAID, offers=CHUNKED) as server:
        pool = SessionPool(endpoint(server), PoolConfig(messages_per_connection=ENOUGH))
        found = send_all(pool, mails(30), batch=50)
        pool.close()
    assert found == {RecipientState.ACCEPTED: 30}


def test_a_session_has_room_for_what_the_server_says_that_it_takes() -> None:
    with HostileServer(offers=(*CHUNKED, "LIMITS MAILMAX=3")) as server, Session.open(endpoint(server)) as session:
        assert session.room == 3
        list(session.send_many(mails(2)))
        assert (session.room, session.takes_another(3), session.transactions) == (1, True, 2)
        assert not session.takes_another(2)
        list(session.send_many(mails(1)))
        assert (session.room, session.usable, session.takes_another(9)) == (0, True, False)
    assert not session.takes_another(9)


def test_a_mail_that_goes_out_in_one_flight_is_not_sent_to_a_server_that_has_left() -> None:
    """It would be unknown for ever: nobody says any more whether it was taken."""
    with HostileServer({(Moment.IDLE, 1): Drop()}, offers=CHUNKED) as server:
        session = Session.open(endpoint(server))

        def before_dot(positions: Sequence[int]) -> float:
            if positions != (0,):
                wait_until(lambda: session._stream.readable, "the server has left")
            return time.monotonic() + 10

        found = [state(outcome) for outcome in session.send_many(mails(3), before_dot)]
        assert found == [RecipientState.ACCEPTED, RecipientState.DEFERRED, RecipientState.DEFERRED]
        assert len(server.accepted) == 1
        assert not session.usable


def test_a_worker_gives_no_session_more_than_it_has_room_for(tmp_path: Path) -> None:
    with plant(tmp_path) as made:
        made.use(NOTIFIER_SMTP_URL=f"{made.server.url}&messages_per_connection={ENOUGH}")
        recipients = [{"to": f"n{number}@example.com", "context": {"name": "x"}} for number in range(40)]
        ids = [row.result.id for row in send_bulk(template="welcome", recipients=recipients)]
        made.start_worker(slots=1)
        made.settle(ids, "sent")
        carried = Counter(caught.connection for caught in made.server.mailbox)
        assert carried.total() == 40
        assert max(carried.values()) == ENOUGH
        assert {notifier.status(one).attempt for one in ids} == {1}


class Unasked:
    """Says something between two mails, once it is let go."""

    accepts = False

    def __init__(self, octets: bytes) -> None:
        self.let_go = threading.Event()
        self._octets = octets

    def do(self, peer: Peer, good: bytes) -> None:
        del good
        self.let_go.wait(10)
        peer.write(self._octets)
        peer.flush()


@pytest.mark.parametrize("octets", [b"250 2.0.0 stray\r\n", b"2", b"\0"], ids=["a reply", "a beginning", "a NUL"])
@pytest.mark.parametrize("encrypted", [False, True], ids=["clear", "encrypted"])
def test_a_parked_session_that_hears_what_it_did_not_ask_for_is_lent_to_nobody(octets: bytes, encrypted: bool) -> None:
    """What comes unasked would be taken for the reply to the next mail's commands."""
    stray = Unasked(octets)
    with HostileServer({(Moment.IDLE, 1): stray}, connection=1, tls=encrypted) as server:
        tls = TLSPolicy.REQUIRED if encrypted else TLSPolicy.NONE
        pool = SessionPool(replace(endpoint(server), tls=tls, ca_file=server.ca_file))
        first, second = mails(2)
        with pool.session(time.monotonic() + 10) as session:
            assert [state(one) for one in session.send_many([first])] == [RecipientState.ACCEPTED]
            stream = session._stream
        stray.let_go.set()
        wait_until(lambda: stream.readable, "it has come")
        with pool.session(time.monotonic() + 10) as session:
            assert [state(one) for one in session.send_many([second])] == [RecipientState.ACCEPTED]
        pool.close()
        assert [said.count(b"MAIL FROM") for said in server.heard] == [1, 1]
    assert pool.stats()["retired_doubt"] == 1
