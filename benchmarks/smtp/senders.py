"""How each Python client sends: the connection is opened before what is timed, where the client keeps one, and closed after.

All are given the same octets and hand them on as they are.
"""

from __future__ import annotations

import asyncio
import smtplib
import socket
import subprocess
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from benchmarks.smtp import postfix
from benchmarks.smtp.load import RECIPIENT, SENDER
from notifier.model.envelope import Envelope, MailObject
from notifier.smtp import Endpoint, Session, TLSPolicy

HOST = "127.0.0.1"
WINDOW = 128  # mails in flight
Messages = Sequence[bytes]
Sender = Callable[[int, Messages], AbstractContextManager[Callable[[], None]]]


@contextmanager
def smtplib_kept(port: int, messages: Messages) -> Iterator[Callable[[], None]]:
    """The standard library, one connection for all."""

    def send() -> None:
        for message in messages:
            client.sendmail(SENDER, [RECIPIENT], message)

    with smtplib.SMTP(HOST, port) as client:
        client.ehlo()
        yield send


@contextmanager
def smtplib_new(port: int, messages: Messages) -> Iterator[Callable[[], None]]:
    """The standard library, connected for each mail: what web frameworks do."""

    def send() -> None:
        for message in messages:
            with smtplib.SMTP(HOST, port) as client:
                client.sendmail(SENDER, [RECIPIENT], message)

    yield send


@contextmanager
def aiosmtplib_kept(port: int, messages: Messages) -> Iterator[Callable[[], None]]:
    """aiosmtplib, one connection for all."""
    import aiosmtplib  # noqa: PLC0415 - only where it is installed

    async def send() -> None:
        for message in messages:
            await client.sendmail(SENDER, [RECIPIENT], message)

    with asyncio.Runner() as runner:
        client = aiosmtplib.SMTP(hostname=HOST, port=port, start_tls=False)
        runner.run(client.connect())
        yield lambda: runner.run(send())
        runner.run(client.quit())


@contextmanager
def smtp_source(port: int, messages: Messages) -> Iterator[Callable[[], None]]:
    """Postfix's load generator: the first message as often as there are, over one connection, a command at a time."""
    with TemporaryDirectory() as folder:
        file = Path(folder) / "message"
        # It ends each line, the last one too, and doubles dots itself.
        file.write_bytes(messages[0].replace(b"\r\n", b"\n").removesuffix(b"\n"))
        words = ("-d", "-m", len(messages), "-M", "[127.0.0.1]", "-f", SENDER, "-t", RECIPIENT, "-F", file)
        command = list(map(str, (postfix.program(), *words, f"{HOST}:{port}")))

        def send() -> None:
            subprocess.run(command, check=True, env=postfix.environ())

        yield send


@contextmanager
def notifier_session(port: int, messages: Messages, window: int = 1) -> Iterator[Callable[[], None]]:
    """`Session.send_many`: one call, every outcome looked at."""
    envelope = Envelope(SENDER, (RECIPIENT,))
    mails = [MailObject(envelope, message) for message in messages]

    def send() -> None:
        for outcome in session.send_many(mails):
            if outcome.faults:
                raise RuntimeError(f"not accepted: {outcome}")

    with Session.open(Endpoint(HOST, port, tls=TLSPolicy.NONE, window=window)) as session:
        yield send


def notifier_window(port: int, messages: Messages) -> AbstractContextManager[Callable[[], None]]:
    """The same with mails in flight, where the session can."""
    return notifier_session(port, messages, WINDOW)


@contextmanager
def socket_data(port: int, messages: Messages) -> Iterator[Callable[[], None]]:
    """No client at all: a socket, the envelope in one flight, octets stuffed beforehand. A floor for DATA."""
    envelope = f"MAIL FROM:<{SENDER}>\r\nRCPT TO:<{RECIPIENT}>\r\nDATA\r\n".encode()
    bodies = [message.replace(b"\r\n.", b"\r\n..") + b".\r\n" for message in messages]

    def send() -> None:
        for body in bodies:
            connection.sendall(envelope)
            _read_replies(connection, 3)
            connection.sendall(body)
            _read_replies(connection, 1)

    with _greeted(port) as connection:
        yield send


@contextmanager
def socket_bdat(port: int, messages: Messages) -> Iterator[Callable[[], None]]:
    """No client at all: BDAT, flights made beforehand, two of them under way. What the sink can take."""
    flights = [_flight(messages[at : at + WINDOW // 2]) for at in range(0, len(messages), WINDOW // 2)]

    def send() -> None:
        owed = 0
        for replies, octets in flights:
            connection.sendall(octets)
            owed += replies
            owed -= _read_replies(connection, owed - replies)  # all but those of the flight that was just sent
        _read_replies(connection, owed)

    with _greeted(port) as connection:
        yield send


def _flight(messages: Messages) -> tuple[int, bytes]:
    envelope = f"MAIL FROM:<{SENDER}>\r\nRCPT TO:<{RECIPIENT}>\r\n".encode()
    mails = (b"%bBDAT %d LAST\r\n%b" % (envelope, len(message), message) for message in messages)
    return 3 * len(messages), b"".join(mails)


@contextmanager
def _greeted(port: int) -> Iterator[socket.socket]:
    with socket.create_connection((HOST, port)) as connection:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        connection.recv(4096)
        connection.sendall(b"HELO [127.0.0.1]\r\n")
        _read_replies(connection, 1)
        yield connection


def _read_replies(connection: socket.socket, count: int) -> int:
    """At least ``count`` replies of one line each; how many they were."""
    found = 0
    while found < count:
        octets = connection.recv(65536)
        if not octets:
            raise ConnectionError("the sink closed the connection")
        found += octets.count(b"\n")
    return found


SENDERS: Mapping[str, Sender] = {
    "smtplib-new": smtplib_new,
    "smtplib": smtplib_kept,
    "aiosmtplib": aiosmtplib_kept,
    "smtp-source": smtp_source,
    "notifier": notifier_session,
    "notifier-window": notifier_window,
    "socket-data": socket_data,
    "socket-bdat": socket_bdat,
}
