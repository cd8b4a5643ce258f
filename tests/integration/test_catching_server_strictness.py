"""The catching server as a careless or hostile client meets it: raw octets in, raw replies out."""

from __future__ import annotations

import base64
import socket
import ssl
from collections.abc import Iterator
from contextlib import contextmanager, suppress

import pytest

from notifier.testing import CatchingServer


class Wire:
    """A connection to a server, and its replies as they come."""

    def __init__(self, connection: socket.socket) -> None:
        self.connection = connection
        self.replies = connection.makefile("rb")

    def reply(self) -> str:
        """The last line of the next reply; empty at the end of the connection."""
        while (line := self.replies.readline())[3:4] == b"-":
            pass
        return line.decode().rstrip("\r\n")

    def say(self, *lines: str) -> list[str]:
        """Send the lines at once, and read a reply to each; the codes with their enhanced codes."""
        self.send("".join(line + "\r\n" for line in lines).encode())
        return [code(self.reply()) for _ in lines]

    def send(self, octets: bytes) -> None:
        self.connection.sendall(octets)

    def ended(self) -> bool:
        """True where the server has closed, and said nothing more."""
        try:
            return self.replies.read() == b""
        except ConnectionResetError:
            return True

    def close(self) -> None:
        self.replies.close()
        self.connection.close()


def code(reply: str) -> str:
    return reply[:9] if reply[4:5].isdigit() else reply[:3]


@contextmanager
def connected(server: CatchingServer, *, hello: bool = True) -> Iterator[Wire]:
    wire = Wire(socket.create_connection((server.host, server.port), timeout=10))
    try:
        assert wire.reply().startswith("220 ")
        if hello:
            assert wire.say("EHLO client.example") == ["250"]
        yield wire
    finally:
        wire.close()


@pytest.fixture
def server() -> Iterator[CatchingServer]:
    with CatchingServer(max_size=1000) as server:
        yield server


@pytest.fixture
def wire(server: CatchingServer) -> Iterator[Wire]:
    with connected(server) as wire:
        yield wire


ENVELOPE = ("MAIL FROM:<a@x.example>", "RCPT TO:<b@y.example>")


# sequence -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("lines", "codes"),
    [
        (["MAIL FROM:<a@x.example>"], ["503 5.5.1"]),
        (["STARTTLS"], ["503 5.5.1"]),
        (["NOOP", "RSET", "VRFY bob", "QUIT"], ["250 2.0.0", "250 2.0.0", "252 2.1.5", "221 2.0.0"]),
        (["EHLO"], ["501 5.5.4"]),
        (["HELO"], ["501 5.5.4"]),
        (["EHLO a b"], ["501 5.5.4"]),
    ],
)
def test_before_the_greeting(server: CatchingServer, lines: list[str], codes: list[str]) -> None:
    with connected(server, hello=False) as wire:
        assert wire.say(*lines) == codes


@pytest.mark.parametrize(
    ("lines", "codes"),
    [
        (["RCPT TO:<b@y.example>"], ["503 5.5.1"]),
        (["DATA"], ["503 5.5.1"]),
        (["BDAT 0 LAST"], ["503 5.5.1"]),
        (["AUTH PLAIN"], ["503 5.5.1"]),
        (["MAIL FROM:<a@x.example>", "MAIL FROM:<a@x.example>"], ["250 2.1.0", "503 5.5.1"]),
        (["MAIL FROM:<a@x.example>", "DATA"], ["250 2.1.0", "554 5.5.1"]),
        (["MAIL FROM:<a@x.example>", "STARTTLS"], ["250 2.1.0", "503 5.5.1"]),
        ([*ENVELOPE, "DATA now"], ["250 2.1.0", "250 2.1.5", "501 5.5.4"]),
        ([*ENVELOPE, "RSET", "RCPT TO:<b@y.example>"], ["250 2.1.0", "250 2.1.5", "250 2.0.0", "503 5.5.1"]),
        ([*ENVELOPE, "EHLO again", "DATA"], ["250 2.1.0", "250 2.1.5", "250", "503 5.5.1"]),
        (["RSET now", "QUIT now", "STARTTLS now"], ["501 5.5.4"] * 3),
        (["MAIL", "FROB", "", "mail from:<>"], ["501 5.5.4", "500 5.5.1", "500 5.5.1", "250 2.1.0"]),
    ],
)
def test_commands_out_of_turn(wire: Wire, lines: list[str], codes: list[str]) -> None:
    assert wire.say(*lines) == codes


def test_a_whole_transaction_in_one_flight(server: CatchingServer, wire: Wire) -> None:
    wire.send(b"MAIL FROM:<>\r\nRCPT TO:<b@y.example>\r\nBDAT 6 LAST\r\nhello\nMAIL FROM:<a@x.example>\r\n")
    assert [code(wire.reply()) for _ in range(4)] == ["250 2.1.0", "250 2.1.5", "250 2.0.0", "250 2.1.0"]
    assert [mail.data for mail in server.mailbox] == [b"hello\n"]


# lines ----------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "octets",
    [
        b"NOOP\n",
        b"NOOP\nMAIL FROM:<a@x.example>\r\n",
        b"NO\rOP\r\n",
        b"NOOP \0\r\n",
        b"NOOP\r\r\n",
        b"NOOP \x1b[31m\r\n",
        b"MAIL FROM:<\xff@x.example>\r\n",
    ],
)
def test_what_is_not_clearly_a_line_ends_the_connection(wire: Wire, octets: bytes) -> None:
    wire.send(octets)
    assert code(wire.reply()) == "521 5.5.2"
    assert wire.ended()


def test_a_long_line_is_refused_and_an_endless_one_ends_the_connection(wire: Wire) -> None:
    assert wire.say("NOOP " + "x" * 2041) == ["250 2.0.0"]
    assert wire.say("NOOP " + "x" * 2042, "NOOP") == ["500 5.5.6", "250 2.0.0"]
    wire.send(b"x" * 12288)
    assert code(wire.reply()) == "500 5.5.6"
    assert wire.ended()


# DATA -----------------------------------------------------------------------------------------------------------------


def data(wire: Wire, octets: bytes) -> str:
    assert wire.say(*ENVELOPE, "DATA")[-1] == "354"
    wire.send(octets)
    return code(wire.reply())


@pytest.mark.parametrize(
    ("sent", "kept"),
    [
        (b".\r\n", b""),
        (b"\r\n.\r\n", b"\r\n"),
        (b"a\r\n.\r\n", b"a\r\n"),
        (b"..\r\n.\r\n", b".\r\n"),
        (b"..\r\n...\r\n.a\r\n.\r\n", b".\r\n..\r\na\r\n"),
        (b"a\n.\nb\r\n.\r\n", b"a\n.\nb\r\n"),
        (b"a\n.\r\nMAIL FROM:<e@x.example>\r\n.\r\n", b"a\n.\r\nMAIL FROM:<e@x.example>\r\n"),
        (b"a\r\n.\rb\r\n.\r\n", b"a\r\n\rb\r\n"),
        (b"a\r\n.\nb\r\n.\r\n", b"a\r\n\nb\r\n"),
        (b"a\r.\r\nb\r\n.\r\n", b"a\r.\r\nb\r\n"),
        (b"\0\xff\r\n.\r\n", b"\0\xff\r\n"),
    ],
)
def test_only_one_thing_ends_a_message(server: CatchingServer, wire: Wire, sent: bytes, kept: bytes) -> None:
    assert data(wire, sent) == "250 2.0.0"
    assert [mail.data for mail in server.mailbox] == [kept]
    assert wire.say("NOOP") == ["250 2.0.0"]


def test_a_message_in_single_octets(server: CatchingServer, wire: Wire) -> None:
    assert wire.say(*ENVELOPE, "DATA")[-1] == "354"
    for octet in b"..a\r\n\r\n.\r\n":
        wire.send(bytes([octet]))
    assert code(wire.reply()) == "250 2.0.0"
    assert next(iter(server.mailbox)).data == b".a\r\n\r\n"


@pytest.mark.parametrize(("size", "answer"), [(998, "250 2.0.0"), (999, "552 5.3.4"), (10**6, "552 5.3.4")])
def test_the_limit_is_counted_after_the_dots_are_unstuffed(wire: Wire, size: int, answer: str) -> None:
    assert data(wire, b".." + b"x" * (size - 1) + b"\r\n.\r\n") == answer
    assert wire.say(*ENVELOPE) == ["250 2.1.0", "250 2.1.5"]


# BDAT -----------------------------------------------------------------------------------------------------------------


def bdat(wire: Wire, size: int, last: str = "", octets: bytes | None = None) -> str:
    wire.send(f"BDAT {size}{last}\r\n".encode() + (b"x" * size if octets is None else octets))
    return code(wire.reply())


def test_chunks_make_a_message(server: CatchingServer, wire: Wire) -> None:
    wire.say(*ENVELOPE)
    assert bdat(wire, 5, octets=b".\r\n.\r") == "250 2.0.0"
    assert wire.say("DATA", "RCPT TO:<c@y.example>", "MAIL FROM:<>") == ["503 5.5.1"] * 3
    assert bdat(wire, 1, octets=b"\n") == "250 2.0.0"
    assert bdat(wire, 0, " LAST") == "250 2.0.0"
    assert [mail.data for mail in server.mailbox] == [b".\r\n.\r\n"]


def test_a_chunk_out_of_turn_is_read_and_not_obeyed(wire: Wire) -> None:
    assert bdat(wire, 6, " LAST", octets=b"QUIT\r\n") == "503 5.5.1"
    assert wire.say("NOOP") == ["250 2.0.0"]


def test_chunks_over_the_limit_are_read_and_refused(server: CatchingServer, wire: Wire) -> None:
    wire.say(*ENVELOPE)
    assert [bdat(wire, 600), bdat(wire, 401), bdat(wire, 5, " LAST")] == ["250 2.0.0", "552 5.3.4", "503 5.5.1"]
    wire.say(*ENVELOPE)
    assert bdat(wire, 1000, " LAST") == "250 2.0.0"
    assert [len(mail.data) for mail in server.mailbox] == [1000]


def test_a_chunk_whose_end_nobody_knows_ends_the_connection(wire: Wire) -> None:
    wire.say(*ENVELOPE)
    assert bdat(wire, -1, octets=b"") == "501 5.5.4"
    assert wire.ended()


def test_rset_forgets_chunks(server: CatchingServer, wire: Wire) -> None:
    wire.say(*ENVELOPE)
    bdat(wire, 5)
    wire.say("RSET", *ENVELOPE)
    assert bdat(wire, 3, " LAST", octets=b"new") == "250 2.0.0"
    assert [mail.data for mail in server.mailbox] == [b"new"]


# STARTTLS and AUTH ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("behind", [b"MAIL FROM:<e@x.example>\r\n", b"EH", b"\x16\x03\x01"])
def test_what_stands_behind_starttls_in_clear_text_ends_the_connection(wire: Wire, behind: bytes) -> None:
    wire.send(b"STARTTLS\r\n" + behind)
    assert wire.ended()


def test_after_starttls_nothing_from_before_counts(server: CatchingServer) -> None:
    with connected(server) as wire:
        assert wire.say("STARTTLS") == ["220 2.0.0"]
        context = ssl.create_default_context(cafile=server.ca_file)
        with context.wrap_socket(wire.connection, server_hostname="localhost") as secured:
            inner = Wire(secured)
            assert inner.say("MAIL FROM:<a@x.example>") == ["503 5.5.1"]
            assert inner.say("EHLO client.example", "STARTTLS") == ["250", "503 5.5.1"]
            assert inner.say("QUIT") == ["221 2.0.0"]
            assert secured.recv(1) == b""  # with a close_notify; without, this raises
            inner.close()


def test_a_handshake_that_fails_harms_nobody_else(server: CatchingServer) -> None:
    with connected(server) as wire, connected(server) as other:
        wire.say("STARTTLS")
        wire.send(b"this is no handshake\r\n")
        with suppress(ConnectionResetError):
            assert b"250" not in wire.replies.read()
        assert other.say("NOOP") == ["250 2.0.0"]


def test_there_is_no_starttls_where_none_was_wanted() -> None:
    with CatchingServer(starttls=False) as server, connected(server) as wire:
        assert wire.say("STARTTLS") == ["502 5.5.1"]


def coded(text: str) -> str:
    return base64.b64encode(text.encode()).decode()


def test_auth_is_as_strict() -> None:
    with CatchingServer(credentials={"zoe": "hunter2"}, starttls=False) as server, connected(server) as wire:
        assert wire.say("MAIL FROM:<a@x.example>", "AUTH", "AUTH CRAM-MD5") == ["530 5.7.0", "504 5.5.4", "504 5.5.4"]
        assert wire.say("AUTH PLAIN", "*") == ["334", "501 5.7.0"]
        assert wire.say("AUTH LOGIN", coded("zoe"), "!") == ["334", "334", "501 5.5.2"]
        assert wire.say("AUTH PLAIN " + coded("\0zoe\0hunter3")) == ["535 5.7.8"]
        assert wire.say("auth login " + coded("zoe"), coded("hunter2")) == ["334", "235 2.7.0"]
        assert wire.say("AUTH PLAIN " + coded("\0zoe\0hunter2")) == ["503 5.5.1"]
        assert wire.say(*ENVELOPE) == ["250 2.1.0", "250 2.1.5"]


# LMTP -----------------------------------------------------------------------------------------------------------------


def test_lmtp_has_a_greeting_of_its_own_and_a_reply_for_each_recipient() -> None:
    with CatchingServer(lmtp=True, starttls=False, max_size=10) as server, connected(server, hello=False) as wire:
        assert wire.say("EHLO x", "HELO x", "LHLO x") == ["500 5.5.1", "500 5.5.1", "250"]
        wire.say(*ENVELOPE, "RCPT TO:<c@y.example>", "DATA")
        wire.send(b"hello\r\n.\r\n")
        assert [code(wire.reply()) for _ in range(2)] == ["250 2.0.0", "250 2.0.0"]
        wire.say(*ENVELOPE, "RCPT TO:<c@y.example>", "DATA")
        wire.send(b"hello world\r\n.\r\n")
        assert [code(wire.reply()) for _ in range(2)] == ["552 5.3.4", "552 5.3.4"]
        assert [mail.recipients for mail in server.mailbox] == [("b@y.example",), ("c@y.example",)]
