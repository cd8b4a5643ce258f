"""Programs written for the standard module, run with ours in its place: Django's backend, Flask-Mail, and the
documentation's examples.
"""

from __future__ import annotations

import io
import runpy
import socket
import ssl
import sys
from collections.abc import Iterator
from email.message import EmailMessage

import pytest

from notifier import smtp
from notifier.testing import Blackhole, CatchingServer, HostileServer, Moment


@pytest.fixture
def server() -> Iterator[CatchingServer]:
    with CatchingServer(starttls=False) as caught:
        yield caught


@pytest.fixture
def at_localhost(server: CatchingServer, monkeypatch: pytest.MonkeyPatch) -> CatchingServer:
    """The examples connect to localhost at the standard port: it is where the server is."""
    monkeypatch.setattr(smtp.SMTP, "default_port", server.port)
    return server


# Django -------------------------------------------------------------------------------------------------------------


@pytest.fixture
def django_backend(monkeypatch: pytest.MonkeyPatch) -> object:
    from django.conf import settings

    if not settings.configured:
        settings.configure(USE_TZ=True, DEFAULT_CHARSET="utf-8", EMAIL_USE_LOCALTIME=False)
    from django.core.mail.backends import smtp as backend

    monkeypatch.setattr(backend, "smtplib", smtp)
    return backend


def test_djangos_backend_sends(server: CatchingServer, django_backend: object) -> None:
    from django.core.mail import EmailMultiAlternatives

    connection = django_backend.EmailBackend("127.0.0.1", server.port, timeout=5)
    message = EmailMultiAlternatives("Grüße", "text", "a@b.example", ["c@d.example"], bcc=["e@f.example"])
    message.attach_alternative("<p>html</p>", "text/html")
    assert connection.send_messages([message, message]) == 2
    connection.close()
    assert [mail.recipients for mail in server.mailbox] == [("c@d.example", "e@f.example")] * 2
    assert server.connections == 1


def test_djangos_backend_sees_a_refusal(django_backend: object) -> None:
    from django.core.mail import EmailMessage as DjangoMessage

    from notifier.testing import Script

    with CatchingServer(starttls=False, script=Script().refuse("c@d.example")) as server:
        message = DjangoMessage("s", "b", "a@b.example", ["c@d.example"])
        with pytest.raises(smtp.SMTPRecipientsRefused):
            django_backend.EmailBackend("127.0.0.1", server.port, timeout=5).send_messages([message])
        quiet = django_backend.EmailBackend("127.0.0.1", server.port, timeout=5, fail_silently=True)
        assert not quiet.send_messages([message])


def test_djangos_backend_logs_in_through_tls(django_backend: object, monkeypatch: pytest.MonkeyPatch) -> None:
    from django.core.mail import EmailMessage as DjangoMessage

    with CatchingServer(credentials={"zoe": "hunter2"}) as server:
        monkeypatch.setenv("SSL_CERT_FILE", str(server.ca_file))
        connection = django_backend.EmailBackend("127.0.0.1", server.port, "zoe", "hunter2", use_tls=True, timeout=5)
        assert DjangoMessage("s", "b", "a@b.example", ["c@d.example"], connection=connection).send() == 1
        assert next(iter(server.mailbox)).tls


# Flask-Mail ---------------------------------------------------------------------------------------------------------


def test_flask_mail_sends(server: CatchingServer, monkeypatch: pytest.MonkeyPatch) -> None:
    import flask
    import flask_mail

    monkeypatch.setattr(flask_mail, "smtplib", smtp)
    app = flask.Flask("app")
    app.config.update(MAIL_SERVER="127.0.0.1", MAIL_PORT=server.port, MAIL_DEFAULT_SENDER="a@b.example")
    mail = flask_mail.Mail(app)
    with app.app_context(), mail.connect() as connection:
        for number in range(3):
            connection.send(flask_mail.Message(f"Hi {number}", recipients=["c@d.example"], body="Grüße", html="<p>x"))
    assert len(server.mailbox) == 3
    assert server.connections == 1


# the documentation's examples ---------------------------------------------------------------------------------------


def test_the_example_of_the_with_statement(at_localhost: CatchingServer) -> None:
    with smtp.SMTP("localhost") as client:
        assert client.noop()[0] == 250
    assert client.sock is None


def test_the_example_that_prompts(at_localhost: CatchingServer, capfd: pytest.CaptureFixture[str]) -> None:
    sender, recipients = "me@my.example", ["you@your.example", "they@their.example"]
    message = f"From: {sender}\r\nTo: {', '.join(recipients)}\r\n\r\n" + "a line\nanother"
    client = smtp.SMTP("localhost")
    client.set_debuglevel(1)
    client.sendmail(sender, recipients, message)
    client.quit()
    (caught,) = at_localhost.mailbox
    assert caught.recipients == tuple(recipients)
    assert caught.data.endswith(b"a line\r\nanother\r\n")
    assert "send: 'mail from:<me@my.example>" in capfd.readouterr().err.lower()


def test_the_example_with_some_who_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    from notifier.testing import Script

    script = Script().refuse("three@three.example", "550 5.1.1 User unknown")
    with CatchingServer(starttls=False, script=script) as server:
        monkeypatch.setattr(smtp.SMTP, "default_port", server.port)
        client = smtp.SMTP("localhost")
        recipients = [f"{name}@{name}.example" for name in ("one", "two", "three", "four")]
        refused = client.sendmail(
            "me@my.example", recipients, "From: Me@my.example\nSubject: testin'...\n\nThis is a test"
        )
        assert refused == {"three@three.example": (550, b"5.1.1 User unknown")}
        client.quit()


def test_the_email_packages_example(at_localhost: CatchingServer) -> None:
    message = EmailMessage()
    message.set_content("The contents of a text file\n")
    message["Subject"], message["From"], message["To"] = "The contents", "me@my.example", "you@your.example"
    client = smtp.SMTP("localhost")
    client.send_message(message)
    client.quit()
    assert next(iter(at_localhost.mailbox)).data == message.as_bytes(policy=message.policy.clone(linesep="\r\n"))


def test_the_module_as_a_program(
    at_localhost: CatchingServer, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(
        sys, "stdin", io.StringIO("me@my.example\none@x.example, two@x.example\nSubject: hi\n\nhello\n")
    )
    monkeypatch.setattr(sys, "argv", ["notifier.smtp"])
    runpy.run_module("notifier.smtp", run_name="__main__")
    (caught,) = at_localhost.mailbox
    assert caught.recipients == ("one@x.example", "two@x.example")
    assert "Message length is 19" in capfd.readouterr().out


# subclasses ---------------------------------------------------------------------------------------------------------


def test_a_subclass_may_bring_its_own_socket(server: CatchingServer) -> None:
    class ThroughProxy(smtp.SMTP):
        def _get_socket(self, host: str, port: int, timeout: float | None) -> socket.socket:
            assert (host, port, timeout) == ("relay.example", 2525, 5)
            return socket.create_connection((server.host, server.port), timeout)

    with ThroughProxy("relay.example", 2525, timeout=5) as client:
        client.sendmail("a@b.example", "c@d.example", "x")
    assert len(server.mailbox) == 1


def test_a_subclass_may_override_commands(server: CatchingServer) -> None:
    said: list[str] = []
    sizes: list[int] = []

    class Counting(smtp.SMTP):
        def putcmd(self, cmd: str, args: str = "") -> None:
            said.append(cmd)
            super().putcmd(cmd, args)

        def send(self, s: str | bytes) -> None:
            sizes.append(len(s))
            super().send(s)

        def rcpt(self, recip: str, options: object = ()) -> tuple[int, bytes]:
            return super().rcpt(recip.replace("@old.", "@new."), options)

    with Counting("127.0.0.1", server.port, timeout=5) as client:
        client.sendmail("a@b.example", "c@old.example", "x")
    assert next(iter(server.mailbox)).recipients == ("c@new.example",)
    assert said == ["ehlo", "mail", "rcpt", "data", "QUIT"]
    assert len(sizes) == 6


def test_a_subclass_may_override_how_it_logs_in() -> None:
    class WithToken(smtp.SMTP):
        def auth_plain(self, challenge: bytes | None = None) -> str:
            return f"\0{self.user}\0token-for-{self.password}"

    with (
        CatchingServer(starttls=False, credentials={"zoe": "token-for-me"}) as server,
        WithToken("127.0.0.1", server.port, timeout=5) as client,
    ):
        assert client.login("zoe", "me")[0] == 235


# what programs do with the socket -----------------------------------------------------------------------------------


def test_a_program_may_bring_the_connection_itself(server: CatchingServer) -> None:
    client = smtp.SMTP(timeout=5)
    client.sock = socket.create_connection((server.host, server.port), 5)
    assert client.getreply()[0] == 220
    client.sendmail("a@b.example", "c@d.example", "x")
    client.quit()
    assert len(server.mailbox) == 1


def test_a_program_may_start_tls_by_hand() -> None:
    with CatchingServer() as caught:
        client = smtp.SMTP(caught.host, caught.port, timeout=5)
        client.ehlo()
        assert client.docmd("STARTTLS")[0] == 220
        context = ssl.create_default_context(cafile=str(caught.ca_file))
        client.sock = context.wrap_socket(client.sock, server_hostname=caught.host)
        client.ehlo()
        client.sendmail("a@b.example", "c@d.example", "x")
        client.quit()
        assert next(iter(caught.mailbox)).tls


def test_a_program_may_set_the_time_of_a_command_at_the_socket() -> None:
    with (
        HostileServer({Moment.EHLO: Blackhole()}) as hostile,
        smtp.SMTP(hostile.host, hostile.port, timeout=60) as client,
    ):
        client.sock.settimeout(0.2)
        with pytest.raises(smtp.SMTPServerDisconnected, match="timed out"):
            client.ehlo()


def test_a_subclass_may_read_replies_in_its_own_way(server: CatchingServer) -> None:
    class Plain(smtp.SMTP):
        def getreply(self) -> tuple[int, bytes]:
            if self.file is None:
                self.file = self.sock.makefile("rb")
            lines = [self.file.readline()]
            while lines[-1][3:4] == b"-":
                lines.append(self.file.readline())
            return int(lines[-1][:3]), b"\n".join(line[4:].strip() for line in lines)

    with Plain(server.host, server.port, timeout=5) as client:
        for _ in range(2):
            client.sendmail("a@b.example", "c@d.example", "x")
    assert len(server.mailbox) == 2
