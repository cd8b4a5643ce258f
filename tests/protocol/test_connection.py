from __future__ import annotations

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from notifier.protocol.commands import Data, Hello, Mail, Quit, Rcpt, StartTLS
from notifier.protocol.connection import Connection
from notifier.protocol.reply import ProtocolViolation


def greeted() -> Connection:
    connection = Connection()
    connection.receive(b"220 hello\r\n")
    assert connection.next_reply() is not None
    return connection


def test_the_server_speaks_first() -> None:
    connection = Connection()
    assert connection.owed == 1
    connection.receive(b"220 hello\r\n")
    reply = connection.next_reply()
    assert reply is not None
    assert reply.code == 220
    assert connection.quiet


def test_replies_are_matched_in_order() -> None:
    connection = greeted()
    connection.send(Mail("a@b.c"), Rcpt("d@e.f"), Data())
    connection.receive(b"250 1\r\n550 2\r\n354 3\r\n")
    codes = [reply.code for reply in (connection.next_reply() for _ in range(3)) if reply]
    assert codes == [250, 550, 354]
    assert connection.quiet


@pytest.mark.parametrize("octets", [b"250 unasked\r\n", b"2", b"421 bye\r\n"])
def test_law_2_octets_that_no_command_asked_for_kill(octets: bytes) -> None:
    connection = greeted()
    with pytest.raises(ProtocolViolation):
        connection.receive(octets)
    assert connection.dead
    with pytest.raises(ProtocolViolation):
        connection.send(Quit())


def test_law_2_a_second_answer_kills() -> None:
    connection = greeted()
    connection.send(Hello("x.example"))
    with pytest.raises(ProtocolViolation):
        connection.receive(b"250 one\r\n250 two\r\n")


@pytest.mark.parametrize("behind", [b"250 injected\r\n", b"2", b"250-x"])
def test_law_6_octets_behind_the_starttls_reply_kill(behind: bytes) -> None:
    """A complete line and an unterminated fragment alike (CVE-2011-0411 and its family)."""
    connection = greeted()
    connection.send(StartTLS())
    with pytest.raises(ProtocolViolation):
        connection.receive(b"220 go\r\n" + behind)


def test_an_argument_that_cannot_be_sent_owes_nothing() -> None:
    connection = greeted()
    with pytest.raises(ValueError, match="forward-path"):
        connection.send(Mail("a@b.c"), Rcpt("x y"))
    assert connection.quiet


def test_a_connection_in_mid_reply_is_not_quiet() -> None:
    connection = greeted()
    connection.send(Quit())
    connection.receive(b"221-b")
    assert connection.mid_reply
    assert not connection.quiet


PIECES = st.sampled_from(
    [b"250 a\r\n", b"250-a\r\n", b"421 bye\r\n", b"2", b"50", b" x", b"\r", b"\n", b"\r\n", b"x\n", b"\0"]
)


@given(st.lists(PIECES, max_size=12), st.integers(0, 3))
def test_a_reply_that_has_begun_is_owed_or_was_the_end_of_the_connection(pieces: list[bytes], commands: int) -> None:
    """So `quiet` need not look at what the parser holds."""
    connection = greeted()
    if commands:
        connection.send(*[Quit()] * commands)
    for octets in pieces:
        with suppress(ProtocolViolation):
            connection.receive(octets)
        assert connection.owed or connection.dead or not connection.mid_reply
