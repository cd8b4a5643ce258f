"""The session on real sockets: TLS, deadlines, faults of the server, and what becomes of each mail."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace

import pytest
from hostile_sessions import PATIENT, QUICK
from real_servers.ground import held_ports
from workers import wait_until

from notifier.errors import DeliveryError, Phase
from notifier.model.envelope import Envelope, MailObject
from notifier.model.outcome import Outcome
from notifier.model.secret import Secret
from notifier.settings.relay import parse_relay
from notifier.smtp import Endpoint, Session, TLSPolicy
from notifier.testing import CatchingServer, HostileServer, Moment, Script
from notifier.testing.mischief import Ended
from notifier.testing.peer import Peer
from notifier.testing.script import Action


def mail(*recipients: str, data: bytes = b"Subject: hi\r\n\r\nhello\r\n") -> MailObject:
    return MailObject(Envelope("s@x.example", recipients or ("a@x.example",)), data)


def endpoint(server: CatchingServer, **changes: object) -> Endpoint:
    return replace(parse_relay(server.url).endpoint, **changes)  # type: ignore[arg-type]


def rows(outcome: Outcome) -> list[str | None]:
    return [v.fault.taxonomy_id if v.fault else None for v in outcome.recipients.values()]


def refused(where: Endpoint) -> str:
    with pytest.raises(DeliveryError) as caught:
        Session.open(where)
    return caught.value.taxonomy_id


def test_a_mail_goes_through_verified_tls_octet_for_octet() -> None:
    data = b"Subject: dots\r\n\r\n.\r\n..\r\n.x\r\nFrom here\r\n" + b"y" * 998 + b"\r\n"
    with CatchingServer() as server, Session.open(endpoint(server)) as session:
        (outcome,) = session.send_many([mail(data=data)])
        assert rows(outcome) == [None]
        assert outcome.tls is not None
        assert outcome.tls.startswith("TLSv1.3")
        (caught,) = server.mailbox
        assert caught.data == data


def test_implicit_tls() -> None:
    with CatchingServer(implicit_tls=True) as server, Session.open(endpoint(server)) as session:
        assert rows(next(iter(session.send_many([mail()])))) == [None]


@pytest.mark.parametrize(("window", "command"), [(4, b"BDAT"), (1, b"DATA")])
def test_a_window_that_somebody_asked_for_is_used_from_the_first_mail_on(window: int, command: bytes) -> None:
    """Without enhanced status codes nobody is sent mails in chunks who has not asked for a window."""
    with HostileServer(offers=("PIPELINING", "CHUNKING")) as server:
        where = Endpoint(server.host, server.port, tls=TLSPolicy.NONE, window=window)
        with Session.open(where) as session:
            assert rows(next(iter(session.send_many([mail()])))) == [None]
        assert f"\n{command.decode()}" in bytes(server.heard[0]).decode()


def test_a_thousand_mails_over_one_connection() -> None:
    mails = [mail(data=f"Subject: {n}\r\n\r\n{n}\r\n".encode()) for n in range(1000)]
    with CatchingServer() as server, Session.open(endpoint(server)) as session:
        assert all(rows(outcome) == [None] for outcome in session.send_many(mails))
        assert [caught.data for caught in server.mailbox] == [one.data for one in mails]
        assert server.connections == 1


def test_credentials_are_checked_and_never_shown() -> None:
    with CatchingServer(credentials={"zoe": "hunter2"}) as server:
        right = endpoint(server, username="zoe", password=Secret("hunter2"))
        with Session.open(right) as session:
            assert "hunter2" not in repr(session)
        wrong = endpoint(server, username="zoe", password=Secret("hunter3"))
        with pytest.raises(DeliveryError) as caught:
            Session.open(wrong)
        assert caught.value.taxonomy_id == "A1"
        assert "hunter3" not in f"{caught.value!r}{wrong!r}"


def test_a_certificate_that_is_not_trusted_is_refused() -> None:
    with CatchingServer() as server:
        assert refused(endpoint(server, ca_file=None)) == "L2"


def test_a_certificate_for_another_name_is_refused() -> None:
    with CatchingServer() as server:
        assert refused(endpoint(server, host="127.0.0.2")) in ("L2", "C1")


def test_tls_on_a_port_without_it_is_told_as_such() -> None:
    with CatchingServer(starttls=False) as server:
        assert refused(endpoint(server, tls=TLSPolicy.IMPLICIT)) == "L4"


def test_starttls_that_is_stripped_is_no_reason_for_clear_text() -> None:
    with CatchingServer(starttls=False) as server:
        assert refused(endpoint(server, tls=TLSPolicy.REQUIRED)) == "S1"
        assert len(server.mailbox) == 0


def test_opportunistic_tls_takes_what_is_there() -> None:
    with (
        CatchingServer(starttls=False) as server,
        Session.open(endpoint(server, tls=TLSPolicy.OPPORTUNISTIC)) as session,
    ):
        assert session.tls is None


def test_nothing_listens_and_no_such_host() -> None:
    with held_ports(1) as (port,):
        assert refused(Endpoint("127.0.0.1", port, tls=TLSPolicy.NONE)) == "C1"
    assert refused(Endpoint("no-such-host.invalid", port, tls=TLSPolicy.NONE)) in ("D1", "D3")


def test_a_lost_final_reply_is_unknown_and_the_mails_behind_were_never_begun() -> None:
    script = Script().at(Phase.FINAL_REPLY, Action.LOSE_REPLY, times=1)
    with CatchingServer(script=script) as server, Session.open(endpoint(server)) as session:
        first, second = session.send_many([mail(), mail()])
        assert (rows(first), first.terminator_sent) == (["Z5"], True)
        assert (rows(second), second.terminator_sent) == (["M0"], False)
        assert not session.usable
        assert len(server.mailbox) == 1


def test_the_dot_is_announced_before_it_goes_out() -> None:
    with CatchingServer() as server, Session.open(endpoint(server)) as session:
        seen: list[tuple[tuple[int, ...], int]] = []

        def before_dot(positions: object) -> float:
            seen.append((tuple(positions), len(server.mailbox)))  # type: ignore[arg-type]
            return time.monotonic() + 5

        list(session.send_many([mail(), mail()], before_dot))
        assert seen == [((0,), 0), ((1,), 1)]


def test_a_dot_that_would_be_too_late_is_not_sent() -> None:
    with CatchingServer() as server, Session.open(endpoint(server)) as session:
        (outcome,) = session.send_many([mail()], lambda _: time.monotonic() - 1)
        assert (rows(outcome), outcome.terminator_sent) == (["W3"], False)
        assert len(server.mailbox) == 0


def test_an_error_before_the_dot_closes_the_connection_and_passes_through() -> None:
    def fail(_: object) -> float:
        raise LookupError("fence")

    with CatchingServer() as server, Session.open(endpoint(server)) as session:
        with pytest.raises(LookupError, match="fence"):
            list(session.send_many([mail(), mail()], fail))
        assert not session.usable
    assert len(server.mailbox) == 0


def test_a_refused_mail_leaves_the_session_usable() -> None:
    script = Script().refuse("bad@x.example")
    with CatchingServer(script=script) as server, Session.open(endpoint(server)) as session:
        outcomes = list(session.send_many([mail("bad@x.example"), mail(), mail("bad@x.example", "b@x.example")]))
        assert [rows(outcome) for outcome in outcomes] == [["R7"], [None], ["R7", None]]
        assert session.usable
        assert server.connections == 1


@pytest.mark.parametrize("data", [b"a\nb", b"a\rb", b"\n.\r\nMAIL FROM:<e@x>\r\n"])
def test_a_message_with_a_bare_line_end_is_refused_before_anything_is_sent(data: bytes) -> None:
    with CatchingServer() as server, Session.open(endpoint(server)) as session:
        with pytest.raises(ValueError, match="bare CR or LF"):
            session.send_many([mail(), mail(data=data)])
        assert session.usable
        assert rows(next(iter(session.send_many([mail()])))) == [None]


def test_a_parked_session_notices_that_the_server_has_gone() -> None:
    with CatchingServer() as server:
        session = Session.open(endpoint(server))
        assert session.is_alive()
    assert not session.is_alive()
    session.close()


def test_law_15_the_outcome_holds_what_one_wants_to_know_afterwards() -> None:
    with CatchingServer(credentials={"zoe": "hunter2"}, script=Script().refuse("bad@x.example")) as server:
        where = endpoint(server, username="zoe", password=Secret("hunter2"))
        with Session.open(where, transcript=True) as session:
            opening = session.transcript
            first, second = session.send_many([mail("bad@x.example", "a@x.example"), mail()])
    assert first.reply is not None
    assert first.reply.startswith("250 2.0.0 Kept")
    assert (first.server, first.tls, first.relay) == ("catching.example", session.tls, where.name)
    assert list(first.recipients) == ["bad@x.example", "a@x.example"]
    assert first.recipients["bad@x.example"].fault.text.startswith("5.1.1 No such user")
    assert {"connect", "greeting", "ehlo", "tls", "auth"} <= set(session.opening_seconds)
    assert first.phase_seconds
    assert "C: RCPT TO:<a@x.example>" in first.transcript
    assert "S: 550 5.1.1 No such user here" in first.transcript
    assert any("octets of the message" in line for line in first.transcript)
    assert any(line.startswith("S: 250") for line in second.transcript)
    assert "C: AUTH PLAIN ***" in opening
    assert "hunter2" not in " ".join((*opening, *first.transcript))


# a hostile server ---------------------------------------------------------------------------------------------------


@contextmanager
def hostile(behave: Callable[[socket.socket], None], **short: float) -> Iterator[Endpoint]:
    """Accepts one connection and lets ``behave`` treat it. ``short``: seconds of the phase whose deadline is met."""
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def serve() -> None:
            connection, _ = listener.accept()
            with connection:
                try:
                    behave(connection)
                except OSError:
                    return  # the client has closed, as it should

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        timeouts = replace(PATIENT, **short)
        yield Endpoint("127.0.0.1", listener.getsockname()[1], tls=TLSPolicy.NONE, timeouts=timeouts)
        thread.join(5)
        assert not thread.is_alive()


def test_a_server_that_drips_its_greeting_meets_the_deadline() -> None:
    def drip(connection: socket.socket) -> None:
        connection.sendall(b"220 ")
        for _ in range(100):
            connection.sendall(b"x")
            time.sleep(0.05)

    with hostile(drip, greeting=QUICK) as where:
        assert refused(where) == "G3"


def test_a_flood_is_cut_off() -> None:
    def flood(connection: socket.socket) -> None:
        while True:
            connection.sendall(b"220-" + b"x" * 1000 + b"\r\n")

    with hostile(flood) as where:
        assert refused(where) == "G4"


def test_plaintext_behind_the_starttls_reply_is_an_attack() -> None:
    def inject(connection: socket.socket) -> None:
        connection.sendall(b"220 hi\r\n")
        connection.recv(1000)
        connection.sendall(b"250-relay\r\n250 STARTTLS\r\n")
        connection.recv(1000)
        connection.sendall(b"220 go\r\n250 AUTH PLA")
        connection.recv(1000)

    with hostile(inject) as where:
        assert refused(replace(where, tls=TLSPolicy.REQUIRED)) == "S2"


def test_a_server_that_stops_reading_meets_the_deadline() -> None:
    def stop_reading(connection: socket.socket) -> None:
        connection.sendall(b"220 hi\r\n")
        connection.recv(1000)
        connection.sendall(b"250 relay\r\n")
        for reply in (b"250 mail\r\n", b"250 rcpt\r\n", b"354 go\r\n"):
            connection.recv(1000)
            connection.sendall(reply)
        given_up.wait(PATIENT.body_block)

    given_up = threading.Event()
    with hostile(stop_reading, body_block=QUICK) as where, Session.open(where) as session:
        try:
            (outcome,) = session.send_many([mail(data=b"x" * 70 + b"\r\n" + b"y\r\n" * 5_000_000)])
        finally:
            given_up.set()
        assert (rows(outcome), outcome.terminator_sent) == (["W2"], False)


def test_an_early_refusal_while_the_body_is_written_is_the_servers_word() -> None:
    def refuse_early(connection: socket.socket) -> None:
        connection.sendall(b"220 hi\r\n")
        connection.recv(1000)
        connection.sendall(b"250 relay\r\n")
        for reply in (b"250 mail\r\n", b"250 rcpt\r\n", b"354 go\r\n"):
            connection.recv(1000)
            connection.sendall(reply)
        connection.recv(1000)
        connection.sendall(b"552 5.3.4 too big\r\n")
        while connection.recv(65536):
            pass

    with hostile(refuse_early) as where, Session.open(where) as session:
        (outcome,) = session.send_many([mail(data=b"y\r\n" * 5_000_000)])
        assert (rows(outcome), outcome.terminator_sent) == (["Z3"], False)


def test_unsolicited_replies_never_make_a_mail_sent() -> None:
    """Off by one: each command gets two answers."""

    def answer_twice(connection: socket.socket) -> None:
        connection.sendall(b"220 hi\r\n")
        while connection.recv(1000):
            connection.sendall(b"250 one\r\n250 two\r\n")

    with hostile(answer_twice) as where:
        assert refused(where) == "E3"


class ClosesLater:
    """Says good-bye, and closes when it has done something else; or never."""

    accepts = False

    def __init__(self, *, ever: bool = True) -> None:
        self.done = False
        self._ever = ever

    def do(self, peer: Peer, good: bytes) -> None:
        peer.write(good)
        peer.flush()
        if not self._ever:
            peer.read_to_the_end()
        peer.pause(0.02)
        self.done = True
        raise Ended


def test_after_quit_the_servers_end_is_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    """So a relay that counts connections has one less when the pool opens the next."""
    monkeypatch.setattr("notifier.smtp.session.HANGING_UP", 20.0)
    later = ClosesLater()
    with HostileServer({Moment.QUIT: later}) as server:
        Session.open(Endpoint(server.host, server.port, tls=TLSPolicy.NONE)).close()
        assert later.done


def test_a_server_that_does_not_close_after_quit_is_left() -> None:
    with HostileServer({Moment.QUIT: ClosesLater(ever=False)}) as server:
        Session.open(Endpoint(server.host, server.port, tls=TLSPolicy.NONE)).close()
        assert server.at_rest(), "it has found our end"


class HangsUp:
    """Closes its way to the client, and keeps what is said to it all the same."""

    accepts = False

    def __init__(self) -> None:
        self.heard: list[bytes] = []

    def do(self, peer: Peer, good: bytes) -> None:
        del good
        peer.close_for_writing()
        while octets := peer._socket.recv(100):
            self.heard.append(octets)
        raise Ended


def test_nothing_is_said_to_a_server_that_has_hung_up_behind_its_last_reply() -> None:
    left = HangsUp()
    with HostileServer({(Moment.IDLE, 1): left}) as server:
        session = Session.open(Endpoint(server.host, server.port, tls=TLSPolicy.NONE))
        (outcome,) = session.send_many([mail()])
        assert outcome.terminator_sent
        wait_until(lambda: session._stream.readable, "its end is here")
        session.close()
        assert server.at_rest()
    assert left.heard == []


def test_each_flight_is_given_to_the_system_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """One `send` each, the end of a message together with the next envelope: fewer segments, and nothing waits for an ACK."""
    given: list[list[bytes]] = []
    send_octets = socket.socket.send

    def send(self: socket.socket, data: bytes, *flags: int) -> int:
        if threading.current_thread() is threading.main_thread():  # the server is in this process too
            given.append([line.split(b" ")[0].strip() for line in bytes(data).splitlines() if line])
        return send_octets(self, data, *flags)

    monkeypatch.setattr(socket.socket, "send", send)
    with (
        HostileServer(offers=("PIPELINING",)) as server,
        Session.open(Endpoint(server.host, server.port, tls=TLSPolicy.NONE)) as session,
    ):
        assert len(list(session.send_many([mail(), mail(), mail()]))) == 3
    envelope, message = [b"MAIL", b"RCPT", b"DATA"], [b"Subject:", b"hello", b"."]
    assert given == [[b"EHLO"], envelope, message + envelope, message + envelope, message, [b"QUIT"]]
