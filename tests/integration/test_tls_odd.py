"""Fault 78: TLS that is cut without a goodbye, comes an octet at a time, or changes its keys while mail goes over it."""

from __future__ import annotations

import fcntl
import shutil
import ssl
import subprocess
import sys
import termios
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import pytest
import trustme
from certificates import good
from real_servers.ground import HOST, held_ports
from real_servers.installed import missing
from workers import wait_until

from notifier import smtp as smtplib
from notifier.errors import DeliveryError
from notifier.model.envelope import Envelope, MailObject
from notifier.model.outcome import Outcome
from notifier.smtp import Endpoint, Session, TLSPolicy
from notifier.testing import Drip, Drop, HostileServer, Moment

VERSIONS = [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3]
POLICIES = [TLSPolicy.REQUIRED, TLSPolicy.IMPLICIT]
WAYS = [("PIPELINING", "CHUNKING"), ("PIPELINING",), ("8BITMIME",)]
MAILS = [MailObject(Envelope("s@x.example", (f"{name}@x.example",)), b"x" * 70 + b"\r\n") for name in "ab"]

authority = trustme.CA()


@pytest.fixture(scope="module")
def ca_file(tmp_path_factory: pytest.TempPathFactory) -> str:
    file = tmp_path_factory.mktemp("tls") / "ca.pem"
    authority.cert_pem.write_to_path(str(file))
    return str(file)


def showing(version: ssl.TLSVersion) -> ssl.SSLContext:
    context = good(authority, HOST)
    context.minimum_version = context.maximum_version = version
    return context


def states(outcome: Outcome) -> list[str]:
    return [str(one.state) for one in outcome.recipients.values()]


def rows(outcomes: list[Outcome]) -> list[str | None]:
    return [one.fault.taxonomy_id if one.fault else None for outcome in outcomes for one in outcome.recipients.values()]


def sent_to(port: int, ca_file: str, policy: TLSPolicy = TLSPolicy.IMPLICIT) -> list[Outcome]:
    with Session.open(Endpoint(HOST, port, tls=policy, ca_file=ca_file, ehlo_name="client.example")) as session:
        return list(session.send_many(MAILS))


# cut off --------------------------------------------------------------------------------------------------------------


CUT_IN_THE_BODY = {"W1", "Z5"}
"""Whether the last octet left before the reset came is the two kernels' affair: each row is true of what was written."""


def told(server: HostileServer, policy: TLSPolicy, ca_file: str) -> list[str | None]:
    """The rows of what was sent, or the one of what was not opened."""
    try:
        return rows(sent_to(server.port, ca_file, policy))
    except DeliveryError as error:
        return [error.taxonomy_id]


def alike(moment: Moment, these: list[str | None], those: list[str | None]) -> bool:
    """The same rows; in the body, either of the two that the race allows for the mail under way."""
    if moment is not Moment.BODY:
        return these == those
    return {these[0], those[0]} <= CUT_IN_THE_BODY and these[1:] == those[1:]


@pytest.mark.parametrize("offers", WAYS, ids=["chunked", "pipelined", "lock step"])
@pytest.mark.parametrize("version", VERSIONS, ids=lambda version: version.name)
@pytest.mark.parametrize(
    "moment", [moment for moment in Moment if moment not in (Moment.TLS, Moment.IDLE, Moment.STARTTLS)]
)
def test_78_a_connection_that_is_cut_in_tls_is_told_as_one_that_is_cut_in_clear_text(
    moment: Moment, version: ssl.TLSVersion, offers: tuple[str, ...], ca_file: str
) -> None:
    """No close_notify at any phase: what came before it counts, and what did not is never a success."""
    plan = {moment: Drop(accepts=moment is Moment.FINAL_REPLY)}
    with HostileServer(plan, offers=offers) as server:
        in_clear = told(server, TLSPolicy.NONE, ca_file)
    for policy in POLICIES:
        implicit = policy is TLSPolicy.IMPLICIT
        with HostileServer(
            plan, tls=not implicit, implicit_tls=implicit, context=showing(version), offers=offers
        ) as server:
            in_tls = told(server, policy, ca_file)
        assert alike(moment, in_tls, in_clear), (in_tls, in_clear)


@pytest.mark.parametrize("cut", [0, 1, 4, 14])
def test_78_the_drop_in_takes_no_reply_that_is_cut_in_tls(cut: int, ca_file: str) -> None:
    plan = {Moment.FINAL_REPLY: Drop(after=cut, accepts=True)}
    trusting = ssl.create_default_context(cafile=ca_file)
    with HostileServer(plan, implicit_tls=True, context=showing(ssl.TLSVersion.TLSv1_3)) as server:
        client = smtplib.SMTP_SSL(HOST, server.port, context=trusting, timeout=5)
        with pytest.raises(smtplib.SMTPServerDisconnected):
            client.sendmail("s@x.example", "a@x.example", "hi")


# cut small ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("offers", WAYS, ids=["chunked", "pipelined", "lock step"])
@pytest.mark.parametrize("version", VERSIONS, ids=lambda version: version.name)
def test_78_records_of_one_octet_are_as_good_as_any(
    version: ssl.TLSVersion, offers: tuple[str, ...], ca_file: str
) -> None:
    plan = {moment: Drip(0) for moment in Moment if moment not in (Moment.TLS, Moment.BODY, Moment.IDLE)}
    with HostileServer(plan, implicit_tls=True, context=showing(version), offers=offers) as server:
        assert rows(sent_to(server.port, ca_file)) == [None, None]
        assert len(server.accepted) == 2


# new keys -------------------------------------------------------------------------------------------------------------


class Interactive:
    """`openssl s_server` speaks what it is told to, and changes keys when it is told to: K, k; before TLS 1.3 R, r."""

    def __init__(self, process: subprocess.Popen[str], port: int) -> None:
        self.port = port
        self._process = process
        self.said = ""
        self._heard = 0  # characters of it
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self) -> None:
        while octet := self._process.stdout.read(1):  # type: ignore[union-attr]  # it is a pipe
            self.said += octet

    def say(self, line: str) -> None:
        """Returns when it has been read: a command counts only where it comes by itself."""
        self._process.stdin.write(f"{line}\n")  # type: ignore[union-attr]  # it is a pipe
        wait_until(lambda: not self._unread, f"{line!r} is read")

    @property
    def _unread(self) -> int:
        octets = fcntl.ioctl(self._process.stdin.fileno(), termios.FIONREAD, bytes(4))  # type: ignore[union-attr]
        return int.from_bytes(octets, sys.byteorder)

    def hear(self, words: str) -> None:
        """Wait for it; what comes next is looked for behind it."""
        wait_until(lambda: self.said.find(words, self._heard) >= 0, f"{words!r} is said")
        self._heard = self.said.find(words, self._heard) + len(words)

    def end(self) -> None:
        self._process.kill()
        self._process.wait(10)
        self._reader.join(10)


@contextmanager
def interactive(version: str, folder: Path) -> Iterator[Interactive]:
    if shutil.which("openssl") is None:
        missing("no openssl here; NOTIFIER_INSTALL_SERVERS=1 make test installs it")
    chain = folder / "leaf.pem"
    authority.issue_cert(HOST).private_key_and_cert_chain_pem.write_to_path(str(chain))
    with held_ports(1) as (port,):
        command = ["openssl", "s_server", "-accept", f"{HOST}:{port}", "-cert", str(chain), version, "-crlf"]
        pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.STDOUT}
        with subprocess.Popen(command, text=True, bufsize=0, **pipes) as process:  # type: ignore[call-overload]
            server = Interactive(process, port)
            try:
                server.hear("ACCEPT")
                yield server
            finally:
                server.end()


@pytest.mark.parametrize(
    ("version", "key"),
    [("-tls1_3", "K"), ("-tls1_3", "k"), ("-tls1_2", "R"), ("-tls1_2", "r")],
    ids=["KeyUpdate, answered", "KeyUpdate", "renegotiation with a certificate asked for", "renegotiation"],
)
def test_78_keys_may_change_while_mail_goes_over(version: str, key: str, tmp_path: Path, ca_file: str) -> None:
    with interactive(version, tmp_path) as server, ThreadPoolExecutor() as pool:
        sending = pool.submit(sent_to, server.port, ca_file)
        server.say("220 hi")
        server.hear("EHLO client.example")
        server.say("250 relay")
        for _ in MAILS:
            for words, reply in (
                ("MAIL FROM", "250 m"),
                ("RCPT TO", "250 r"),
                ("DATA", "354 go"),
                ("x" * 70, "250 kept"),
            ):
                server.hear(words)
                server.say(key)
                server.say(reply)
        server.hear("QUIT")
        server.say("221 bye")
        assert "SSL_do_handshake -> 1" in server.said  # it is written with the next of the client's words
        assert [states(outcome) for outcome in sending.result(30)] == [["accepted"], ["accepted"]]
