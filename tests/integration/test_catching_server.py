"""The catching server as an ordinary client meets it: the standard library's own."""

from __future__ import annotations

import smtplib
import ssl
import stat
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from email.message import EmailMessage
from pathlib import Path

import pytest

from notifier.model.envelope import Envelope, MailObject
from notifier.model.secret import Secret
from notifier.settings.relay import parse_relay
from notifier.smtp import Session
from notifier.testing import CatchingServer, Script

SENDER, RECIPIENT = "a@x.example", "b@y.example"


@contextmanager
def client(server: CatchingServer, *, tls: bool = False) -> Iterator[smtplib.SMTP]:
    with smtplib.SMTP(server.host, server.port, timeout=10) as smtp:
        if tls:
            smtp.starttls(context=ssl.create_default_context(cafile=server.ca_file))
        yield smtp


def message(subject: str = "Hi", text: str = "hello\n") -> EmailMessage:
    made = EmailMessage()
    made["From"], made["To"], made["Subject"], made["Message-ID"] = SENDER, RECIPIENT, subject, "<1@x.example>"
    made.set_content(text)
    return made


def test_a_mail_is_caught_with_its_envelope() -> None:
    with CatchingServer() as server, client(server) as smtp:
        assert smtp.send_message(message("Grüße")) == {}
        (mail,) = server.mailbox
        assert (mail.reverse_path, mail.recipients) == (SENDER, (RECIPIENT,))
        assert (mail.subject, mail.text(), mail.message_id) == ("Grüße", "hello\n", "<1@x.example>")
        assert (mail.tls, mail.smtputf8, mail.number, mail.connection) == (None, False, 1, 1)
        assert mail.helo


def test_starttls_with_a_certificate_that_can_be_verified() -> None:
    with CatchingServer() as server, client(server, tls=True) as smtp:
        smtp.send_message(message())
        assert [mail.tls for mail in server.mailbox] == ["TLSv1.3"]
        assert not smtp.has_extn("starttls")  # on a second look


def test_a_certificate_that_nobody_was_told_of_is_refused() -> None:
    with CatchingServer() as server, client(server) as smtp, pytest.raises(ssl.SSLCertVerificationError):
        smtp.starttls(context=ssl.create_default_context())


def test_implicit_tls() -> None:
    with CatchingServer(implicit_tls=True) as server:
        context = ssl.create_default_context(cafile=server.ca_file)
        with smtplib.SMTP_SSL(server.host, server.port, context=context, timeout=10) as smtp:
            assert not smtp.has_extn("starttls")
            smtp.send_message(message())
        assert len(server.mailbox) == 1


def test_addresses_in_utf8() -> None:
    with CatchingServer() as server, client(server) as smtp:
        smtp.sendmail("zoë@x.example", ["bøb@y.example"], b"Subject: hi\r\n\r\nx\r\n", ["SMTPUTF8", "BODY=8BITMIME"])
        (mail,) = server.mailbox
        assert (mail.reverse_path, mail.recipients, mail.smtputf8) == ("zoë@x.example", ("bøb@y.example",), True)


def test_every_extension_is_offered() -> None:
    with CatchingServer(max_size=1234) as server, client(server) as smtp:
        smtp.ehlo()
        assert smtp.esmtp_features == {
            **dict.fromkeys(("pipelining", "8bitmime", "smtputf8", "chunking", "enhancedstatuscodes", "starttls"), ""),
            "size": "1234",
        }


def test_helo_is_enough() -> None:
    with CatchingServer() as server, client(server) as smtp:
        assert smtp.helo("client.example")[0] == 250
        smtp.send_message(message())
        assert next(iter(server.mailbox)).helo == "client.example"


@pytest.mark.parametrize("mechanism", ["auth_plain", "auth_login"])
def test_a_login_that_is_right(mechanism: str) -> None:
    with CatchingServer(credentials={"zoe": "pässword"}) as server, client(server, tls=True) as smtp:
        smtp.ehlo()
        assert smtp.esmtp_features["auth"] == " PLAIN LOGIN"
    with CatchingServer(credentials={"zoe": "hunter2"}) as server, client(server, tls=True) as smtp:
        smtp.ehlo()
        smtp.user, smtp.password = "zoe", "hunter2"
        assert smtp.auth(mechanism[5:], getattr(smtp, mechanism))[0] == 235
        smtp.send_message(message())
        assert len(server.mailbox) == 1


@pytest.mark.parametrize(("user", "password"), [("zoe", "hunter3"), ("adam", "hunter2"), ("zoe", "")])
def test_a_login_that_is_wrong(user: str, password: str) -> None:
    with CatchingServer(credentials={"zoe": "hunter2"}) as server, client(server, tls=True) as smtp:
        with pytest.raises(smtplib.SMTPAuthenticationError) as caught:
            smtp.login(user, password)
        assert caught.value.smtp_code == 535
        with pytest.raises(smtplib.SMTPSenderRefused, match="530"):
            smtp.send_message(message())


def test_a_password_is_not_taken_in_clear_text_where_tls_can_be_had() -> None:
    with CatchingServer(credentials={"zoe": "hunter2"}) as server, client(server) as smtp:
        smtp.ehlo()
        assert not smtp.has_extn("auth")
        assert smtp.docmd("AUTH", "PLAIN AHpvZQBodW50ZXIy")[0] == 538
    with CatchingServer(credentials={"zoe": "hunter2"}, starttls=False) as server, client(server) as smtp:
        assert smtp.login("zoe", "hunter2")[0] == 235
        assert "hunter2" not in repr(vars(server))


def test_a_declared_size_over_the_limit_is_refused_at_once() -> None:
    with CatchingServer(max_size=1000) as server, client(server) as smtp:
        with pytest.raises(smtplib.SMTPSenderRefused, match="552"):
            smtp.send_message(message(text="x" * 2000))
        smtp.send_message(message())
        assert len(server.mailbox) == 1


def test_an_undeclared_size_over_the_limit_is_refused_at_the_end() -> None:
    with CatchingServer(max_size=1000) as server, client(server) as smtp:
        smtp.helo("client.example")
        with pytest.raises(smtplib.SMTPDataError, match="552"):
            smtp.send_message(message(text="x\n" * 100_000))
        smtp.send_message(message())
        assert [mail.text() for mail in server.mailbox] == ["hello\n"]


def test_dots_and_odd_lines_come_through_octet_for_octet() -> None:
    data = b"Subject: dots\r\n\r\n.\r\n..\r\n.x\r\n\r\n" + b"y" * 998 + b"\r\n.\r\n"
    with CatchingServer() as server, client(server) as smtp:
        smtp.sendmail(SENDER, [RECIPIENT], data)
        assert next(iter(server.mailbox)).data == data


def test_a_message_of_megabytes() -> None:
    data = b"Subject: big\r\n\r\n" + b".x" * 200 + b"\r\n" + (b"z" * 70 + b"\r\n") * 100_000
    with CatchingServer() as server, client(server, tls=True) as smtp:
        smtp.sendmail(SENDER, [RECIPIENT], data)
        assert next(iter(server.mailbox)).data == data


def test_greylisted_then_accepted_and_refused_for_good() -> None:
    script = Script().defer_first("grey@y.example").refuse("no@y.example")
    with CatchingServer(script=script) as server, client(server) as smtp:
        everyone = ["grey@y.example", "no@y.example", RECIPIENT]
        refused = smtp.sendmail(SENDER, everyone, "Subject: 1\r\n\r\nx")
        assert {path: code for path, (code, _) in refused.items()} == {"grey@y.example": 451, "no@y.example": 550}
        assert set(smtp.sendmail(SENDER, everyone, "Subject: 2\r\n\r\nx")) == {"no@y.example"}
        assert [mail.recipients for mail in server.mailbox] == [(RECIPIENT,), ("grey@y.example", RECIPIENT)]


def test_fifty_connections_at_once() -> None:
    def send(name: int) -> None:
        with client(server) as smtp:
            gate.wait(30)  # all of them are connected
            for n in range(10):
                smtp.sendmail(SENDER, [RECIPIENT], f"Subject: {name}.{n}\r\n\r\nx")

    gate = threading.Barrier(50)
    with CatchingServer() as server:
        threads = [threading.Thread(target=send, args=(name,)) for name in range(50)]
        for thread in threads:
            thread.start()
        assert server.mailbox.wait_for(500, timeout=60)
        for thread in threads:
            thread.join()
        assert {mail.subject for mail in server.mailbox} == {f"{c}.{n}" for c in range(50) for n in range(10)}
        assert {mail.connection for mail in server.mailbox} == set(range(1, 51))


def test_silent_clients_are_left_when_a_test_says_so() -> None:
    tired = threading.Event()
    with CatchingServer(patience=tired) as server, client(server, tls=True) as smtp:
        smtp.send_message(message())
        tired.set()
        assert smtp.getreply() == (421, b"4.4.2 You have been silent for too long")
        tired.clear()
        with client(server) as another:
            another.send_message(message())
        assert len(server.mailbox) == 2
        smtp.close()


def test_nothing_is_left_behind() -> None:
    threads = threading.active_count()
    with CatchingServer() as server, client(server, tls=True) as smtp:
        ca_file = Path(server.ca_file or "")
        assert ca_file.is_file()
        smtp.noop()
        server.close()
        assert threading.active_count() <= threads  # fewer where one of an earlier test has ended meanwhile
        assert not ca_file.parent.exists()
        with pytest.raises((smtplib.SMTPServerDisconnected, OSError)):
            smtp.noop()
        smtp.close()


def test_it_comes_back_on_the_same_port_with_the_same_certificate_and_its_mail() -> None:
    with CatchingServer() as server:
        url = server.url
        with client(server) as smtp:
            smtp.send_message(message())
        server.stop()
        with pytest.raises(ConnectionRefusedError), client(server):
            pass
        server.start()
        assert server.url == url
        with client(server, tls=True) as smtp:
            smtp.send_message(message())
        assert len(server.mailbox) == 2


def test_a_port_that_is_taken_leaves_nothing_behind(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    with CatchingServer() as first:
        files = set(tmp_path.iterdir())
        with pytest.raises(OSError, match="in use"), CatchingServer(port=first.port):
            pass
        assert set(tmp_path.iterdir()) == files
        with pytest.raises(RuntimeError, match="runs already"):
            first.start()
        assert server_answers(first)


def server_answers(server: CatchingServer) -> bool:
    with client(server) as smtp:
        return smtp.noop()[0] == 250


def test_without_trustme_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "trustme", None)
    with pytest.raises(RuntimeError, match=r"notifier-worker\[testing\]"), CatchingServer():
        pass
    with CatchingServer(starttls=False) as server:
        assert server_answers(server)


def test_the_journal_is_there_before_the_answer(tmp_path: Path) -> None:
    path = tmp_path / "accepted.jsonl"
    with CatchingServer(journal=path) as server, client(server) as smtp:
        for count in (1, 2):
            smtp.send_message(message())
            assert len(path.read_text().splitlines()) == count
        assert stat.S_IMODE(path.stat().st_mode) & 0o077 == 0


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="there is no device that is always full here")
def test_a_full_disk_under_the_journal_defers_the_mail() -> None:
    with CatchingServer(journal=Path("/dev/full")) as server, client(server) as smtp:
        with pytest.raises(smtplib.SMTPDataError, match="452"):
            smtp.send_message(message())
        assert len(server.mailbox) == 0


# its URL is the worker's ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "options",
    [{}, {"starttls": False}, {"implicit_tls": True}, {"lmtp": True}, {"lmtp": True, "starttls": False}],
    ids=["starttls", "clear text", "implicit", "lmtp", "lmtp in clear text"],
)
def test_the_url_is_ready_for_the_worker(options: dict[str, bool]) -> None:
    with CatchingServer(**options) as server, Session.open(parse_relay(server.url).endpoint) as session:
        mail = MailObject(Envelope(SENDER, (RECIPIENT, "c@y.example")), b"Subject: hi\r\n\r\nhello\r\n")
        (outcome,) = session.send_many([mail])
        assert [verdict.fault for verdict in outcome.recipients.values()] == [None, None]
        # RFC 2033: one reply, and so one acceptance, for each recipient.
        assert len(server.mailbox) == (2 if options.get("lmtp") else 1)


def test_the_url_of_ipv6(tmp_path: Path) -> None:
    with CatchingServer("::1") as server:
        assert server.url.startswith(f"smtp://[::1]:{server.port}?")
        with Session.open(parse_relay(server.url).endpoint) as session:
            assert session.tls


def test_lmtp_on_a_unix_socket(tmp_path: Path) -> None:
    path = tmp_path / "lmtp socket"
    with CatchingServer(socket_path=path) as server:
        assert server.url == f"lmtp+unix://{tmp_path}/lmtp%20socket"
        with smtplib.LMTP(str(path)) as lmtp:
            lmtp.sendmail(SENDER, [RECIPIENT], "Subject: 1\r\n\r\nx")
        with Session.open(parse_relay(server.url).endpoint) as session:
            list(session.send_many([MailObject(Envelope(SENDER, (RECIPIENT,)), b"Subject: 2\r\n\r\nx\r\n")]))
        assert [mail.subject for mail in server.mailbox] == ["1", "2"]
    assert not path.exists()


def test_a_worker_logs_in() -> None:
    with CatchingServer(credentials={"zoe": "hunter2"}) as server:
        endpoint = parse_relay(server.url.replace("://", "://zoe:hunter2@")).endpoint
        assert endpoint.password == Secret("hunter2")
        with Session.open(endpoint) as session:
            assert session.usable


def test_no_descriptor_is_kept() -> None:
    if not Path("/proc/self/fd").is_dir():
        pytest.skip("the system does not show its descriptors")
    before = sum(1 for _ in Path("/proc/self/fd").iterdir())
    for _ in range(5):
        with CatchingServer() as server, client(server, tls=True) as smtp:
            smtp.send_message(message())
    assert sum(1 for _ in Path("/proc/self/fd").iterdir()) == before
