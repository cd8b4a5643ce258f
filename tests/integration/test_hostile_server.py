"""The hostile server itself, as a plain socket sees it: good by default, bad in exactly the way that was asked for."""

from __future__ import annotations

import socket
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass

import pytest
import trustme
from certificates import good
from workers import wait_until

from notifier.testing import (
    Accepted,
    Blackhole,
    Cut,
    Delay,
    Drip,
    Drop,
    Flood,
    HalfClose,
    HostileServer,
    Inject,
    Mischief,
    Moment,
    Refuse,
    Reset,
    Say,
    Skip,
    Twice,
)
from notifier.testing.peer import Peer

# What a client says, in order, and what a good server answers; the moment is that of the answer.
STORY = [
    (Moment.GREETING, b"", b"220 hostile.example\r\n"),
    (Moment.EHLO, b"EHLO client.example\r\n", b"250-hostile.example\r\n250 PIPELINING\r\n"),
    (Moment.AUTH, b"AUTH PLAIN AHUAcA==\r\n", b"235 welcome\r\n"),
    (Moment.MAIL, b"MAIL FROM:<a@x.example>\r\n", b"250 2.1.0 sender\r\n"),
    (Moment.RCPT, b"RCPT TO:<b@y.example>\r\n", b"250 2.1.5 recipient\r\n"),
    (Moment.DATA, b"DATA\r\n", b"354 go\r\n"),
    (Moment.FINAL_REPLY, b"..hello\r\n.\r\n", b"250 2.0.0 kept as 1\r\n"),
    (Moment.RSET, b"RSET\r\n", b"250 2.0.0 reset\r\n"),
    (Moment.QUIT, b"QUIT\r\n", b"221 bye\r\n"),
]
MOMENTS = [moment for moment, _, _ in STORY]
GOOD = b"".join(reply for _, _, reply in STORY)


@dataclass
class Client:
    socket: socket.socket

    def say(self, octets: bytes) -> None:
        self.socket.sendall(octets)

    def hear(self, octets: bytes) -> None:
        heard = b""
        while len(heard) < len(octets) and (piece := self.socket.recv(len(octets) - len(heard))):
            heard += piece
        assert heard == octets

    def tell(self, until: Moment) -> bytes:
        """The story up to its moment, answered well; then this moment's command. Its good answer is returned."""
        for moment, command, reply in STORY:
            if command:  # an empty one would still meet a reset that came first
                self.say(command)
            if moment is until:
                return reply
            self.hear(reply)
        raise LookupError(until)

    def the_rest(self) -> bytes:
        """Up to the end, whatever it is like."""
        octets = b""
        try:
            while piece := self.socket.recv(65536):
                octets += piece
        except ConnectionResetError:
            return octets + b"<reset>"
        return octets


@contextmanager
def connected(server: HostileServer) -> Iterator[Client]:
    with socket.create_connection((server.host, server.port), timeout=10) as connection:
        yield Client(connection)


def hostile(moment: Moment, mischief: Mischief, **options: object) -> HostileServer:
    return HostileServer({moment: mischief}, offers=("PIPELINING",), **options)  # type: ignore[arg-type]


def test_without_a_plan_it_is_good() -> None:
    with HostileServer(offers=("PIPELINING",)) as server, connected(server) as client:
        client.say(b"".join(command for _, command, _ in STORY))
        assert client.the_rest() == GOOD
    assert server.accepted == [Accepted("a@x.example", ("b@y.example",), b".hello\r\n")]
    assert server.heard == [b"".join(command for moment, command, _ in STORY if moment is not Moment.FINAL_REPLY)]
    assert (server.connections, server.auth_in_clear) == (1, True)


@pytest.mark.parametrize("moment", MOMENTS)
def test_a_refusal_takes_the_place_of_a_reply(moment: Moment) -> None:
    with hostile(moment, Refuse("451 4.3.0 not now")) as server, connected(server) as client:
        client.tell(moment)
        client.hear(b"451 4.3.0 not now\r\n")
    assert len(server.accepted) == (MOMENTS.index(moment) > MOMENTS.index(Moment.FINAL_REPLY))


@pytest.mark.parametrize("moment", MOMENTS)
@pytest.mark.parametrize("after", [0, 1, 5])
def test_a_connection_is_dropped_after_some_octets(moment: Moment, after: int) -> None:
    with hostile(moment, Drop(after=after)) as server, connected(server) as client:
        reply = client.tell(moment)
        assert client.the_rest() == reply[:after]


@pytest.mark.parametrize("moment", MOMENTS)
def test_a_connection_is_reset(moment: Moment) -> None:
    with hostile(moment, Reset()) as server:
        assert heard_at_the_end(server, moment) == b"<reset>"


def heard_at_the_end(server: HostileServer, moment: Moment) -> bytes:
    try:
        with connected(server) as client:
            client.tell(moment)
            return client.the_rest()
    except ConnectionResetError:  # at the greeting the reset may be there before the connection is
        return b"<reset>"


@pytest.mark.parametrize("accepts", [False, True])
def test_what_counts_as_accepted_is_what_the_plan_says(accepts: bool) -> None:
    with hostile(Moment.FINAL_REPLY, Drop(accepts=accepts)) as server, connected(server) as client:
        client.tell(Moment.FINAL_REPLY)
        assert client.the_rest() == b""
        assert len(server.accepted) == accepts


def test_half_a_close_leaves_the_other_half() -> None:
    with hostile(Moment.MAIL, HalfClose()) as server, connected(server) as client:
        client.tell(Moment.MAIL)
        assert client.the_rest() == b""
        client.say(b"x" * 1_000_000)  # somebody takes it


@pytest.mark.parametrize("moment", MOMENTS)
def test_a_black_hole_keeps_the_connection_and_says_nothing(moment: Moment) -> None:
    with hostile(moment, Blackhole()) as server, connected(server) as client:
        client.tell(moment)
        client.say(b"x" * 1_000_000)
        client.socket.settimeout(0.05)
        with pytest.raises(TimeoutError):
            client.socket.recv(1)


def test_a_server_that_does_not_read_stops_a_client_that_writes() -> None:
    with hostile(Moment.BODY, Blackhole(reading=False), small_window=True) as server, connected(server) as client:
        client.tell(Moment.DATA)
        client.hear(b"354 go\r\n")
        client.socket.settimeout(0.2)
        with pytest.raises(TimeoutError):
            client.say(b"x" * 50_000_000)


@pytest.mark.parametrize("mischief", [Drip(0), Delay(0.01)], ids=["drip", "delay"])
@pytest.mark.parametrize("moment", MOMENTS)
def test_a_good_reply_is_dripped_or_late(moment: Moment, mischief: Mischief) -> None:
    with hostile(moment, mischief) as server, connected(server) as client:
        client.hear(client.tell(moment))


@pytest.mark.parametrize("moment", MOMENTS)
def test_a_reply_is_left_out_and_the_command_counts(moment: Moment) -> None:
    with hostile(moment, Skip()) as server, connected(server) as client:
        client.tell(moment)
        for _, command, reply in STORY[MOMENTS.index(moment) + 1 :]:
            client.say(command)
            client.hear(reply)


def test_an_endless_drip_has_no_end_of_a_line() -> None:
    with hostile(Moment.EHLO, Drip(0, endless=True)) as server, connected(server) as client:
        client.tell(Moment.EHLO)
        client.hear(b"250-" + b"x" * 200)


def test_a_flood_is_as_long_as_it_is_asked_to_be() -> None:
    with hostile(Moment.EHLO, Flood(b"250-x\r\n", most=200_000)) as server, connected(server) as client:
        client.tell(Moment.EHLO)
        flood = client.the_rest()
    assert set(flood.split(b"\r\n")) == {b"250-x", b""}
    assert 200_000 <= len(flood) < 300_000


def test_replies_come_twice_and_with_octets_behind_them() -> None:
    for mischief, replies in (
        (Twice(), 2 * b"250 2.1.0 sender\r\n"),
        (Inject(b"250 fr"), b"250 2.1.0 sender\r\n250 fr"),
    ):
        with hostile(Moment.MAIL, mischief) as server, connected(server) as client:
            client.tell(Moment.MAIL)
            client.hear(replies)


def test_it_may_say_anything_and_close() -> None:
    with hostile(Moment.GREETING, Say(b"\0\xff", then_close=True)) as server, connected(server) as client:
        assert client.the_rest() == b"\0\xff"


def test_the_nth_time_of_a_moment_alone() -> None:
    plan = {(Moment.RCPT, 2): Refuse("550 not this one")}
    with HostileServer(plan, offers=("PIPELINING",)) as server, connected(server) as client:
        client.tell(Moment.RCPT)
        client.hear(b"250 2.1.5 recipient\r\n")
        client.say(2 * b"RCPT TO:<c@y.example>\r\n")
        client.hear(b"550 not this one\r\n250 2.1.5 recipient\r\n")


def test_the_nth_connection_alone() -> None:
    with HostileServer({Moment.GREETING: Refuse("554 no")}, connection=2) as server:
        for greeting in (b"220 hostile.example\r\n", b"554 no\r\n", b"220 hostile.example\r\n"):
            with connected(server) as client:
                client.hear(greeting)
        assert server.connections == 3


def test_a_word_while_idle_and_one_before_the_body() -> None:
    plan = {Moment.IDLE: Say(b"421 idle\r\n"), Moment.BODY: Say(b"552 enough\r\n")}
    with HostileServer(plan, offers=("PIPELINING",)) as server, connected(server) as client:
        client.tell(Moment.DATA)
        client.hear(b"354 go\r\n552 enough\r\n")
    with (
        HostileServer({Moment.IDLE: Say(b"421 idle\r\n")}, offers=("PIPELINING",)) as server,
        connected(server) as client,
    ):
        client.tell(Moment.FINAL_REPLY)
        client.hear(b"250 2.0.0 kept as 1\r\n421 idle\r\n")


def test_chunks_are_messages_too() -> None:
    with HostileServer(offers=("PIPELINING",)) as server, connected(server) as client:
        client.tell(Moment.RCPT)
        client.hear(b"250 2.1.5 recipient\r\n")
        client.say(b"BDAT 3\r\na\r\nBDAT 2 LAST\r\n\0\n")
        client.hear(b"250 2.0.0 chunk\r\n250 2.0.0 kept as 1\r\n")
        assert server.accepted[0].octets == b"a\r\n\0\n"


def test_nobody_is_no_recipient() -> None:
    with HostileServer(offers=("PIPELINING",)) as server, connected(server) as client:
        client.tell(Moment.MAIL)
        client.hear(b"250 2.1.0 sender\r\n")
        client.say(b"DATA\r\nBDAT 1 LAST\r\nxRSET\r\nRCPT TO:<b@y.example>\r\n")
        client.hear(b"554 nobody\r\n503 nobody\r\n250 2.0.0 reset\r\n503 no sender\r\n")
    assert server.accepted == []


def test_over_lmtp_each_recipient_has_a_final_reply() -> None:
    plan = {(Moment.FINAL_REPLY, 2): Refuse("452 4.2.2 full")}
    with HostileServer(plan, lmtp=True) as server, connected(server) as client:
        client.say(b"LHLO x\r\nMAIL FROM:<>\r\nRCPT TO:<a@x>\r\nRCPT TO:<b@x>\r\nDATA\r\n.\r\nQUIT\r\n")
        assert client.the_rest().splitlines()[-3:] == [b"250 2.0.0 kept as 1", b"452 4.2.2 full", b"221 bye"]
    assert [message.recipients for message in server.accepted] == [("a@x",)]


def test_login_is_asked_for_in_two_steps() -> None:
    with HostileServer(offers=("AUTH LOGIN",)) as server, connected(server) as client:
        client.say(b"EHLO x\r\nAUTH LOGIN\r\ndQ==\r\ncA==\r\nAUTH LOGIN dQ==\r\ncA==\r\nQUIT\r\n")
        codes = [line[:3] for line in client.the_rest().splitlines()]
    assert codes == [b"220", b"250", b"250", b"334", b"334", b"235", b"334", b"235", b"221"]


class Interrupts:
    """A mischief of one's own: it waits until the client says something, and is faster."""

    accepts = True

    def do(self, peer: Peer, good: bytes) -> None:
        peer.write(good)
        peer.await_octets()
        peer.write(b"421 first\r\n")


def test_a_mischief_of_ones_own() -> None:
    with hostile(Moment.FINAL_REPLY, Interrupts()) as server, connected(server) as client:
        client.tell(Moment.FINAL_REPLY)
        client.hear(b"250 2.0.0 kept as 1\r\n")
        client.say(b"MAIL FROM:<>\r\n")
        client.hear(b"421 first\r\n250 2.1.0 sender\r\n")


@pytest.mark.parametrize("said", [0, 1, len(b"220 hostile.example\r\n250-h")])
def test_a_connection_ends_when_so_many_octets_were_said(said: int) -> None:
    with HostileServer(offers=("PIPELINING",), cut=Cut(said=said)) as server, connected(server) as client:
        with suppress(BrokenPipeError, ConnectionResetError):
            client.say(b"EHLO client.example\r\nNOOP\r\n")
        assert client.the_rest().removesuffix(b"<reset>") == GOOD[:said]
        assert server.at_rest()
        assert server.traffic[0][0] == said


@pytest.mark.parametrize("reset", [False, True], ids=["FIN", "RST"])
def test_a_connection_ends_when_so_many_octets_were_heard(reset: bool) -> None:
    with HostileServer(offers=("PIPELINING",), cut=Cut(heard=10, reset=reset)) as server, connected(server) as client:
        client.say(b"EHLO clien")
        assert client.the_rest() == b"220 hostile.example\r\n" + b"<reset>" * reset
        assert server.at_rest()
        assert server.traffic == [(len(b"220 hostile.example\r\n"), 10)]


def test_a_client_that_is_silent_between_two_mails_hears_421_and_is_left() -> None:
    """Between two mails alone: no client is so quick that none of its earlier commands was late."""
    with HostileServer(offers=("PIPELINING",), patience=1e-6) as server, connected(server) as client:
        client.tell(Moment.FINAL_REPLY)
        assert client.the_rest() == b"250 2.0.0 kept as 1\r\n421 4.4.2 silent for too long\r\n"
        assert server.at_rest()


# TLS ------------------------------------------------------------------------------------------------------------------


def trusting(ca_file: str | None) -> ssl.SSLContext:
    return ssl.create_default_context(cafile=ca_file)


def test_tls_behind_starttls() -> None:
    with HostileServer(tls=True, offers=("PIPELINING",)) as server, connected(server) as client:
        client.say(b"EHLO x\r\nSTARTTLS\r\n")
        client.hear(b"220 hostile.example\r\n250-hostile.example\r\n250-PIPELINING\r\n250 STARTTLS\r\n220 go\r\n")
        with trusting(server.ca_file).wrap_socket(client.socket, server_hostname=server.host) as encrypted:
            encrypted.sendall(b"EHLO x\r\nAUTH PLAIN AHUAcA==\r\nQUIT\r\n")
            said = Client(encrypted).the_rest()
    assert b"STARTTLS" not in said
    assert b"235 welcome" in said
    assert not server.auth_in_clear


def test_tls_from_the_first_octet() -> None:
    with (
        HostileServer(implicit_tls=True) as server,
        connected(server) as client,
        trusting(server.ca_file).wrap_socket(client.socket, server_hostname=server.host) as encrypted,
    ):
        encrypted.sendall(b"EHLO x\r\nQUIT\r\n")
        said = Client(encrypted).the_rest()
    assert said.startswith(b"220 hostile.example\r\n")
    assert b"STARTTLS" not in said


MISCHIEF_IN_TLS: list[Mischief] = [Say(b"no TLS at all\r\n"), Drop(), Reset()]


@pytest.mark.parametrize("mischief", MISCHIEF_IN_TLS)
def test_a_handshake_that_goes_wrong_from_the_first_octet(mischief: Mischief) -> None:
    with (
        HostileServer({Moment.TLS: mischief}, implicit_tls=True) as server,
        trusting(server.ca_file).wrap_socket(socket.socket(), server_hostname=server.host) as encrypted,
        pytest.raises(OSError, match=r"."),
    ):
        encrypted.connect((server.host, server.port))


def test_a_certificate_of_ones_own_and_another_while_it_runs() -> None:
    first, second = trustme.CA(), trustme.CA()
    with HostileServer(implicit_tls=True, context=good(first, HostileServer.host)) as server:
        assert server.ca_file is None
        for authority in (first, second):
            server.context = good(authority, server.host)
            context = ssl.create_default_context(cadata=authority.cert_pem.bytes().decode())
            with connected(server) as client:
                context.wrap_socket(client.socket, server_hostname=server.host).close()


# the end --------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "mischief", [Blackhole(), Blackhole(reading=False), Drip(60), Delay(60), HalfClose(), Flood(b"220-x\r\n")]
)
def test_every_thread_and_socket_ends_with_the_block(mischief: Mischief) -> None:
    before = threading.active_count()
    with hostile(Moment.GREETING, mischief) as server:
        clients = [socket.create_connection((server.host, server.port), timeout=10) for _ in range(3)]
        wait_until(lambda: server.connections == len(clients), "all are served")
    assert threading.active_count() <= before  # fewer where a thread of an earlier test has ended meanwhile
    for client in clients:
        Client(client).the_rest()
        client.close()
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection((server.host, server.port), timeout=10)
