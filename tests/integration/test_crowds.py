"""A hundred threads, and a hundred greenlets, on five sessions; and what one of them is held up by holds up nobody else."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import pytest
from real_servers.ground import held_ports
from workers import wait_until

from notifier.errors import Phase
from notifier.testing import CatchingServer, EmbeddedValkey, HostileServer, Moment, Script
from notifier.testing.peer import Peer

PROGRAM = Path(__file__).parents[1] / "programs" / "crowd.py"
PEOPLE, SESSIONS = 100, 5


@pytest.fixture(params=["threads", "gevent"])
def kind(request: pytest.FixtureRequest) -> str:
    return request.param


def run(kind: str, story: str, *arguments: object) -> Any:
    command = [sys.executable, str(PROGRAM), kind, story, *map(str, arguments)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=100, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert not done.stderr, done.stderr
    return json.loads(done.stdout)


@pytest.mark.parametrize("tls", [False, True], ids=["clear text", "TLS"])
def test_a_hundred_share_five_sessions_first_come_first_served(kind: str, tls: bool) -> None:
    with CatchingServer(starttls=tls, script=Script().delay(Phase.FINAL_REPLY, 0.02)) as server:
        found = run(kind, "crowd", server.port, server.ca_file or "", PEOPLE, SESSIONS)
        assert len(server.mailbox) == len({mail.recipients for mail in server.mailbox}) == PEOPLE
        assert server.visits.most == len(server.visits) == SESSIONS
        assert all(visit.said_quit for visit in server.visits)
        assert found["stats"]["waited"] > 0  # how many of them depends on how fast they come
        # SESSIONS - 1 at most are served with somebody who has not said so yet. They pass him, and so do those who have
        # their sessions next: these wait for him.
        assert all(-SESSIONS < place - number < 2 * SESSIONS - 1 for place, number in enumerate(found["order"]))


class Hold:
    """The good reply, when somebody lets it go."""

    accepts = True

    def __init__(self) -> None:
        self.let_go = threading.Event()

    def do(self, peer: Peer, good: bytes) -> None:
        peer.flush()
        self.let_go.wait()
        peer.write(good)


def left(server: CatchingServer) -> bool:
    return len(server.visits) > 0 and server.visits.now == 0


@pytest.mark.parametrize(
    "moment", [Moment.GREETING, Moment.EHLO, Moment.MAIL, Moment.DATA, Moment.BODY, Moment.FINAL_REPLY], ids=str
)
def test_one_relay_that_does_not_answer_holds_up_nobody_at_another(moment: Moment, kind: str) -> None:
    """At BODY it takes no more octets: there we wait to write."""
    hold = Hold()
    with (
        HostileServer({moment: hold}, offers=("PIPELINING",), small_window=True) as slow,
        CatchingServer(starttls=False) as fast,
    ):
        release = threading.Thread(target=lambda: (wait_until(lambda: left(fast), "all have left"), hold.let_go.set()))
        release.start()
        found = run(kind, "held_up", slow.port, fast.port, "", 4_000_000)
        release.join()
        assert found["held"], "the others were served while it waited"
        assert len(slow.accepted) == 1


def test_a_tls_handshake_that_does_not_end_holds_up_nobody_at_another(kind: str) -> None:
    hold = Hold()

    class HoldTLS(Hold):
        def do(self, peer: Peer, good: bytes) -> None:
            hold.let_go.wait()
            peer.start_tls()

    with HostileServer({Moment.TLS: HoldTLS()}, tls=True) as slow, CatchingServer(starttls=False) as fast:
        release = threading.Thread(target=lambda: (wait_until(lambda: left(fast), "all have left"), hold.let_go.set()))
        release.start()
        found = run(kind, "held_up", slow.port, fast.port, slow.ca_file, 1)
        release.join()
        assert found["held"]
        assert len(slow.accepted) == 1


def test_a_resolver_that_does_not_answer_holds_up_no_other_greenlet() -> None:
    with CatchingServer(starttls=False) as fast:
        assert run("gevent", "resolver", fast.port)["held"]
        assert len(fast.mailbox) == 21


def test_a_store_that_does_not_answer_holds_up_nobody_who_sends(kind: str) -> None:
    with CatchingServer(starttls=False) as fast, EmbeddedValkey() as store:
        assert run(kind, "store", fast.port, store.url)["held"]
        assert len(fast.mailbox) == 20


def test_a_parked_session_ends_in_its_time(kind: str) -> None:
    with CatchingServer(starttls=False) as server:
        assert run(kind, "upkeep", server.port)["retired_idle"] == 1
        assert [visit.said_quit for visit in server.visits] == [True]


def test_a_relay_that_is_not_there_is_told_to_each_who_asks(kind: str) -> None:
    with held_ports(1) as (port,):
        found = run(kind, "refused", port)
    assert found["rows"] == ["C1"] * 30
    assert "0 of 3 places" in found["repr"]
