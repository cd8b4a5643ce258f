"""What a script makes of each phase of the dialogue, as the client sees it."""

from __future__ import annotations

import select
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import BinaryIO

import pytest

from notifier.errors import Phase
from notifier.testing import Action, CatchingServer, Script

# What a client says, in order, and the code that an unscripted server answers at each phase.
STORY = [
    (Phase.GREETING, b"", b"220"),
    (Phase.EHLO, b"EHLO client.example\r\n", b"250"),
    (Phase.MAIL, b"MAIL FROM:<a@x.example>\r\n", b"250"),
    (Phase.RCPT, b"RCPT TO:<b@y.example>\r\n", b"250"),
    (Phase.DATA, b"DATA\r\n", b"354"),
    (Phase.FINAL_REPLY, b"hello\r\n.\r\n", b"250"),
    (Phase.RSET, b"RSET\r\n", b"250"),
    (Phase.QUIT, b"QUIT\r\n", b"221"),
]
PHASES = [phase for phase, _, _ in STORY]


@contextmanager
def connected(server: CatchingServer) -> Iterator[tuple[socket.socket, BinaryIO]]:
    with (
        socket.create_connection((server.host, server.port), timeout=10) as connection,
        connection.makefile("rb") as replies,
    ):
        yield connection, replies


def tell(server: CatchingServer, until: Phase | None = None) -> list[bytes]:
    """Play the story through ``until``; the codes that came, and what the end of the connection was."""
    codes: list[bytes] = []
    try:  # around the connecting too, which has a time limit and so looks twice: a reset may have come by the second look
        with connected(server) as (connection, replies):
            for phase, octets, _ in STORY:
                connection.sendall(octets)
                while (line := replies.readline())[3:4] == b"-":
                    pass
                codes.append(line[:3])
                if not line or phase is until:
                    break
    except ConnectionError as error:
        codes.append(type(error).__name__.encode())
    return codes


def until(phase: Phase) -> list[bytes]:
    """The codes of the phases before this one."""
    return [code for _, _, code in STORY[: PHASES.index(phase)]]


@pytest.mark.parametrize("phase", PHASES)
def test_the_connection_is_dropped_at_a_phase(phase: Phase) -> None:
    with CatchingServer(script=Script().at(phase, Action.DROP)) as server:
        assert tell(server) == [*until(phase), b""]
        assert len(server.mailbox) == (phase in (Phase.RSET, Phase.QUIT))


@pytest.mark.parametrize("phase", PHASES)
def test_the_connection_is_reset_at_a_phase(phase: Phase) -> None:
    with CatchingServer(script=Script().at(phase, Action.RESET)) as server:
        assert tell(server) == [*until(phase), b"ConnectionResetError"]


@pytest.mark.parametrize("phase", PHASES)
def test_a_phase_is_refused_and_has_no_effect(phase: Phase) -> None:
    with CatchingServer(script=Script().at(phase, "451 4.3.0 Not now", times=1)) as server:
        assert tell(server, until=phase) == [*until(phase), b"451"]
        assert len(server.mailbox) == (phase in (Phase.RSET, Phase.QUIT))
        assert tell(server) == [code for _, _, code in STORY], "only once"


@pytest.mark.parametrize("phase", PHASES)
def test_a_421_closes_at_any_phase(phase: Phase) -> None:
    with CatchingServer(script=Script().at(phase, "421 4.3.2 Shutting down")) as server:
        codes = tell(server)
        assert codes[:-1] == [*until(phase), b"421"][: len(codes) - 1]
        assert b"421" in codes


@pytest.mark.parametrize("phase", PHASES)
def test_a_stalled_phase_is_never_answered_and_does_not_hold_up_the_end(phase: Phase) -> None:
    with CatchingServer(script=Script().at(phase, Action.STALL)) as server, connected(server) as (connection, replies):
        for other, octets, _ in STORY[: PHASES.index(phase) + 1]:
            connection.sendall(octets)
            if other is not phase:
                while replies.readline()[3:4] == b"-":
                    pass
        server.stop()
        with suppress(ConnectionResetError):  # a greeting may be awaited from a server that has not accepted yet
            assert replies.read() == b""


@pytest.mark.parametrize("phase", [Phase.MAIL, Phase.RCPT, Phase.FINAL_REPLY])
def test_a_positive_reply_only_changes_the_words(phase: Phase) -> None:
    with CatchingServer(script=Script().at(phase, "251 2.1.5 Will forward")) as server:
        assert b"251" in tell(server)
        assert len(server.mailbox) == 1


def test_a_lost_final_reply_is_a_mail_that_was_accepted() -> None:
    with CatchingServer(script=Script().at(Phase.FINAL_REPLY, Action.LOSE_REPLY, times=1)) as server:
        assert tell(server) == [*until(Phase.FINAL_REPLY), b""]
        assert len(server.mailbox) == 1
        assert tell(server)[-1] == b"221"


def test_a_late_final_reply_comes_after_the_acceptance() -> None:
    with (
        CatchingServer(script=Script().delay(Phase.FINAL_REPLY, 3600)) as server,
        connected(server) as (connection, replies),
    ):
        for _, octets, _ in STORY[:6]:
            connection.sendall(octets)
        assert server.mailbox.wait_for(1, timeout=10)
        server.stop()
        assert b"Kept" not in replies.read()


def test_a_final_reply_that_is_held_comes_after_the_acceptance_and_when_it_is_released() -> None:
    released = threading.Event()
    with (
        CatchingServer(script=Script().hold(Phase.FINAL_REPLY, released, times=1)) as server,
        connected(server) as (connection, replies),
    ):
        for _, octets, _ in STORY[:6]:
            connection.sendall(octets)
        assert server.mailbox.wait_for(1, timeout=10)
        while not replies.readline().startswith(b"354"):
            pass
        assert select.select([connection], [], [], 0.2)[0] == []
        released.set()
        assert b"Kept" in replies.readline()


@pytest.mark.parametrize("phase", [Phase.GREETING, Phase.MAIL, Phase.FINAL_REPLY], ids=str)
def test_a_held_phase_does_not_hold_up_the_end(phase: Phase) -> None:
    with (
        CatchingServer(script=Script().hold(phase, threading.Event())) as server,
        connected(server) as (connection, replies),
    ):
        connection.sendall(b"".join(octets for _, octets, _ in STORY[:6]))
        server.stop()
        with suppress(ConnectionResetError):  # what it had not read is lost, and the client hears of it
            assert b"Kept" not in replies.read()


def test_replies_before_a_wait_are_not_held_back() -> None:
    with (
        CatchingServer(script=Script().at(Phase.DATA, Action.STALL)) as server,
        connected(server) as (connection, replies),
    ):
        connection.sendall(b"".join(octets for _, octets, _ in STORY[:5]))
        seen = [replies.readline()]
        while not seen[-1].startswith(b"250 2.1.5"):
            seen.append(replies.readline())
        assert seen[0].startswith(b"220")


def body(server: CatchingServer, *parts: bytes) -> bytes:
    """Send an envelope and DATA, then each part after a reply has come; all that came after the 354."""
    with connected(server) as (connection, replies):
        connection.sendall(b"".join(octets for _, octets, _ in STORY[:5]))
        while not replies.readline().startswith(b"354"):
            pass
        connection.sendall(parts[0])
        said = b""
        for part in parts[1:]:
            said += replies.readline()
            connection.sendall(part)
        return said + replies.read()


def test_a_verdict_while_the_body_is_sent_is_the_only_one() -> None:
    with CatchingServer(script=Script().at(Phase.BODY, "552 5.3.4 Enough")) as server:
        assert body(server, b"begin", b"end\r\n.\r\nQUIT\r\n") == b"552 5.3.4 Enough\r\n221 2.0.0 Bye\r\n"
        assert len(server.mailbox) == 0


def test_a_connection_that_ends_while_the_body_is_sent() -> None:
    with CatchingServer(script=Script().at(Phase.BODY, Action.DROP)) as server:
        assert body(server, b"begin") == b""
        assert len(server.mailbox) == 0


def test_a_body_that_is_read_late_is_kept() -> None:
    with CatchingServer(script=Script().delay(Phase.BODY, 0.01)) as server:
        assert body(server, b"hello\r\n.\r\nQUIT\r\n").startswith(b"250 2.0.0 Kept")


def test_starttls_that_is_refused_leaves_clear_text() -> None:
    script = Script().at(Phase.STARTTLS, "454 4.7.0 TLS not available")
    with CatchingServer(script=script) as server, connected(server) as (connection, replies):
        connection.sendall(b"EHLO client.example\r\n")
        while not replies.readline().startswith(b"250 "):
            pass
        connection.sendall(b"STARTTLS\r\n")
        assert replies.readline().startswith(b"454")
        connection.sendall(b"NOOP\r\n")
        assert replies.readline().startswith(b"250")


def test_lmtp_recipients_have_their_own_verdicts() -> None:
    script = Script().at(Phase.FINAL_REPLY, "452 4.2.2 Mailbox full", times=1)
    with CatchingServer(script=script, lmtp=True, starttls=False) as server, connected(server) as (connection, replies):
        connection.sendall(
            b"LHLO x\r\nMAIL FROM:<>\r\nRCPT TO:<full@y.example>\r\nRCPT TO:<b@y.example>\r\nBDAT 2 LAST\r\nhiQUIT\r\n"
        )
        verdicts = replies.read().splitlines()[-3:]
        assert [verdict[:3] for verdict in verdicts] == [b"452", b"250", b"221"]
        assert [mail.recipients for mail in server.mailbox] == [("b@y.example",)]
