"""The same calls to Flask-Mail and to the extension: the same messages are recorded, and the same mail arrives."""

from __future__ import annotations

import copy
import pickle
from collections.abc import Iterator
from email.header import decode_header, make_header
from email.message import EmailMessage, Message
from typing import Any

import flask_mail
import pytest
from flask import Flask

from notifier.integrations import flask as ours
from notifier.integrations.flask import process
from notifier.testing import CatchingServer, CaughtMail

LATER = 1_800_000_000.0
TO = ["zoe@example.com"]

CASES: dict[str, dict[str, Any]] = {
    "text": {"subject": "Hello", "recipients": TO, "body": "Hello, Zoë.\n\nBye."},
    "no subject": {"recipients": TO, "body": "x"},
    "subject beyond ASCII": {"subject": "Grüße aus Köln – 日本語 " * 4, "recipients": TO, "body": "x"},
    "folded subject": {"subject": "testing\r\n testing\r\n \ttesting \r\n \ttesting", "recipients": TO, "body": "x"},
    "html and text": {"recipients": TO, "body": "text", "html": "<b>html ü</b>"},
    "alternatives": {"recipients": TO, "body": "text", "alts": {"amp": "<amp/>", "x-any": "any"}, "html": "<b>h</b>"},
    "alternatives as pairs": {"recipients": TO, "body": "text", "alts": [("calendar", "BEGIN:VCALENDAR")]},
    "many recipients": {
        "recipients": ["a@example.com", "b@example.com"],
        "cc": ["c@example.com"],
        "bcc": ["d@example.com"],
        "body": "x",
    },
    "names": {
        "recipients": [("Zoë", "zoe@example.com"), "Bob <bob@example.com>"],
        "cc": [("Carol", "carol@example.com")],
        "body": "x",
    },
    "sender as pair": {"recipients": TO, "sender": ("Shop", "shop@example.org"), "body": "x"},
    "sender as text": {"recipients": TO, "sender": "Shöp <shop@example.org>", "body": "x"},
    "reply to": {"recipients": TO, "reply_to": "Help <help@example.org>", "body": "x"},
    "reply to as pair": {"recipients": TO, "reply_to": ("Hélp", "help@example.org"), "body": "x"},
    "IDN": {"recipients": ["zoe@bücher.example"], "body": "x"},
    "only bcc and cc": {"cc": ["c@example.com"], "bcc": ["b@example.com"], "body": "x"},
    "date": {"recipients": TO, "date": LATER, "body": "x"},
    "extra headers": {"recipients": TO, "extra_headers": {"X-Extra": "1", "Precedence": "bulk"}, "body": "x"},
    "charset": {
        "recipients": TO,
        "charset": "iso-8859-1",
        "subject": "Grüße",
        "body": "für alle",
        "html": "<b>für</b>",
    },
    "long lines": {"recipients": TO, "body": "x" * 900 + "\n" + "ü" * 400},
    "dots": {"recipients": TO, "body": ".\n..\n.x\n\n."},
}
FILES: dict[str, dict[str, Any]] = {
    "octets": {"filename": "a.bin", "content_type": "application/octet-stream", "data": bytes(range(256))},
    "guessed": {"filename": "picture.png", "data": b"\x89PNG"},
    "unknown ending": {"filename": "a.nobody-knows", "data": b"1"},
    "text": {"filename": "a.txt", "data": "one\ntwo"},
    "no name": {"content_type": "text/plain", "data": "one"},
    "name beyond ASCII": {"filename": "für Zoë 日本.pdf", "content_type": "application/pdf", "data": b"%PDF"},
    "inline": {"filename": "l.png", "content_type": "image/png", "data": b"\x89", "disposition": "inline", "headers": {"Content-ID": "<l@x>"}},
    "parameters": {"filename": "a.csv", "content_type": "text/csv; header=present", "data": b"a,b\r\n"},
    "empty": {"filename": "a.txt", "content_type": "text/plain", "data": b""},
}  # fmt: skip


@pytest.fixture(scope="module")
def server() -> Iterator[CatchingServer]:
    with CatchingServer(starttls=False) as caught:
        yield caught


@pytest.fixture(autouse=True)
def settings() -> Iterator[None]:
    yield
    process.release()


def made(package: Any, server: CatchingServer, **config: Any) -> tuple[Flask, Any]:
    app = Flask("shop")
    app.config.update(
        MAIL_SERVER=server.host, MAIL_PORT=server.port, MAIL_DEFAULT_SENDER="shop@example.com", MAIL_SEND_NOW=True
    )
    app.config.update(config)
    return app, package.Mail(app)


def arrived(
    package: Any, server: CatchingServer, call: dict[str, Any], *files: dict[str, Any], **config: Any
) -> CaughtMail:
    app, mail = made(package, server, **config)
    server.mailbox.clear()
    with app.app_context(), mail.record_messages() as outbox:
        message = package.Message(**call)
        for file in files:
            message.attach(**file)
        mail.send(message)
    assert outbox == [message]
    assert server.mailbox.wait_for(1, timeout=10)
    (caught,) = server.mailbox
    return caught


def told(mail: CaughtMail) -> dict[str, Any]:
    """What a reader sees, and the envelope."""
    message = mail.message
    people = {
        name: {(a.display_name, a.addr_spec) for a in message[name].addresses}
        for name in ("From", "To", "Cc", "Reply-To")
        if message[name]
    }
    parts = [part for part in message.walk() if not part.is_multipart()]
    assert message["Message-ID"]
    assert message["Date"].datetime is not None
    return {
        "envelope": (mail.reverse_path, set(mail.recipients)),
        "people": {name: found for name, found in people.items() if found},
        "subject": " ".join(mail.subject.split()),
        "extra": {name: value for name, value in message.items() if name in ("X-Extra", "Precedence")},
        "texts": [(part.get_content_type(), text(part)) for part in parts if part.get_content_disposition() is None and part.get_content_maintype() == "text"],
        "files": [file(part) for part in parts if part.get_content_disposition() is not None or part.get_content_maintype() != "text"],
    }  # fmt: skip


def text(part: Message) -> str:
    assert isinstance(part, EmailMessage)
    return "\n".join(part.get_content().splitlines()).rstrip("\n")


def file(part: Message) -> tuple[Any, ...]:
    # Flask-Mail writes no disposition for a file without a name.
    disposition = part.get_content_disposition() or "attachment"
    parameters = {(name, value) for name, value in part.get_params() or [] if name == "header"}
    return (
        part.get_content_type(),
        disposition,
        part.get_filename(),
        part["Content-ID"],
        part.get_payload(decode=True),
        parameters,
    )


@pytest.mark.parametrize("name", CASES)
def test_the_same_call_is_the_same_mail(name: str, server: CatchingServer) -> None:
    theirs, mine = (told(arrived(package, server, CASES[name])) for package in (flask_mail, ours))
    assert mine == theirs


@pytest.mark.parametrize("name", FILES)
@pytest.mark.parametrize("html", [None, "<b>html</b>"], ids=["text", "html"])
def test_the_same_file_goes_along(name: str, html: str | None, server: CatchingServer) -> None:
    call = {"recipients": TO, "body": "text", "html": html}
    theirs, mine = (told(arrived(package, server, call, FILES[name])) for package in (flask_mail, ours))
    if name == "no name":  # a text without a disposition is a text for Flask-Mail's readers
        theirs["files"] = [("text/plain", "attachment", None, None, b"one", set())]
        theirs["texts"] = theirs["texts"][:-1]
    assert mine == theirs


@pytest.mark.parametrize("filename", ["für Zoë.pdf", "ünïcödé   ←→ ✓.txt", "plain.txt"])
def test_names_in_ascii_are_the_same(filename: str, server: CatchingServer) -> None:
    file = {"filename": filename, "content_type": "application/pdf", "data": b"x"}
    call = {"recipients": TO, "body": "x"}
    theirs, mine = (
        told(arrived(package, server, call, file, MAIL_ASCII_ATTACHMENTS=True)) for package in (flask_mail, ours)
    )
    assert mine == theirs


ATTRIBUTES = ("subject", "recipients", "sender", "reply_to", "cc", "bcc", "body", "html", "alts", "date", "charset", "extra_headers", "mail_options", "rcpt_options", "attachments", "send_to")  # fmt: skip


@pytest.mark.parametrize("name", CASES)
def test_the_same_call_is_a_message_with_the_same_attributes(name: str, server: CatchingServer) -> None:
    seen = []
    for package in (flask_mail, ours):
        app, _ = made(package, server)
        with app.app_context():
            message = package.Message(**CASES[name])
            seen.append({attribute: getattr(message, attribute) for attribute in ATTRIBUTES})
    assert seen[1] == seen[0]


def test_a_block_sends_all_by_one_connection_and_counts_them(server: CatchingServer) -> None:
    for package in (flask_mail, ours):
        app, mail = made(package, server)
        server.mailbox.clear()
        with app.app_context(), mail.record_messages() as outbox, mail.connect() as connection:
            for number in range(3):
                connection.send(package.Message(str(number), recipients=TO, body="x"))
            connection.send_message("3", recipients=TO, body="x")
            assert connection.num_emails == 4
        assert [message.subject for message in outbox] == [mail.subject for mail in server.mailbox] == list("0123")
        assert len({mail.connection for mail in server.mailbox}) == 1


def test_the_signal_has_the_app_and_the_message(server: CatchingServer) -> None:
    for package in (flask_mail, ours):
        app, mail = made(package, server, TESTING=True)
        heard: list[tuple[Any, Any]] = []

        def listener(sender: Any, message: Any, heard: list[tuple[Any, Any]] = heard) -> None:
            heard.append((sender, message))

        package.email_dispatched.connect(listener)
        with app.app_context():
            message = package.Message("s", body="x")
            message.add_recipient("zoe@example.com")
            mail.send(message)
        package.email_dispatched.disconnect(listener)
        assert (heard[0][0] is app, heard[0][1] is message, len(heard)) == (True, True, 1)
        assert message.recipients == ["zoe@example.com"]
        assert message.date is not None


def test_only_what_is_sent_inside_is_recorded(server: CatchingServer) -> None:
    for package in (flask_mail, ours):
        app, mail = made(package, server, TESTING=True)
        with app.app_context():
            mail.send_message("before", recipients=TO, body="x")
            with mail.record_messages() as outer, mail.record_messages() as inner:
                mail.send_message("inside", recipients=TO, body="x")
            mail.send_message("after", recipients=TO, body="x")
        assert [message.subject for message in outer] == [message.subject for message in inner] == ["inside"]


def test_an_envelope_may_have_another_sender(server: CatchingServer) -> None:
    for package in (flask_mail, ours):
        app, mail = made(package, server)
        for envelope in ("bounces@example.com", ("Bounces", "bounces@example.com")):
            server.mailbox.clear()
            with app.app_context(), mail.connect() as connection:
                connection.send(package.Message("s", recipients=TO, body="x"), envelope_from=envelope)
            (arrived,) = server.mailbox
            assert (arrived.reverse_path, arrived.message["From"]) == ("bounces@example.com", "shop@example.com")


@pytest.mark.parametrize("config", [{"TESTING": True}, {"MAIL_SUPPRESS_SEND": True}])
def test_what_is_suppressed_is_recorded_and_not_sent(config: dict[str, bool], server: CatchingServer) -> None:
    for package in (flask_mail, ours):
        app, mail = made(package, server, **config)
        before = server.connections
        with app.app_context(), mail.record_messages() as outbox:
            mail.send_message("one", recipients=TO, body="x")
            app.extensions["mail"].send_message("two", recipients=TO, body="x")
        assert [message.subject for message in outbox] == ["one", "two"]
        assert server.connections == before


STATE = ("server", "username", "password", "port", "use_tls", "use_ssl", "default_sender", "debug", "max_emails", "suppress", "ascii_attachments")  # fmt: skip


@pytest.mark.parametrize(
    "config",
    [
        {},
        {"MAIL_USE_TLS": True, "MAIL_MAX_EMAILS": 5, "MAIL_USERNAME": "u", "MAIL_PASSWORD": "p"},
        {"MAIL_USE_SSL": True, "MAIL_PORT": 465, "MAIL_ASCII_ATTACHMENTS": True},
        {"DEBUG": True, "TESTING": True, "MAIL_SUPPRESS_SEND": False},
        {"MAIL_DEBUG": True, "MAIL_DEFAULT_SENDER": ("Shop", "shop@example.com")},
    ],
)
def test_the_configuration_is_read_in_the_same_way(config: dict[str, Any], server: CatchingServer) -> None:
    seen = []
    for package in (flask_mail, ours):
        app, mail = made(package, server, **config)
        state = app.extensions["mail"]
        assert mail.state is state
        assert mail.suppress == state.suppress
        seen.append({name: getattr(state, name) for name in STATE})
    assert seen[1] == seen[0]


@pytest.mark.parametrize(
    "call",
    [
        {"subject": "a\r\nBcc: b@c.d"}, {"subject": "a\nb"}, {"subject": "a\r\n"}, {"subject": "a\r\n\t\r\n b"}, {"subject": "a\r\n  "},
        {"subject": "a\nb\r\n c"}, {"recipients": ["a@b.c\r\nd"]}, {"recipients": [("a\r\nb", "a@b.c")]}, {"sender": "a\n <a@b.c>"},
        {"sender": ("a\r\n", "a@b.c")}, {"reply_to": "a@b.c\r"}, {"reply_to": ("a\n", "a@b.c")},
    ],
    ids=repr,
)  # fmt: skip
def test_what_is_no_header_is_refused_with_the_same_error(call: dict[str, Any], server: CatchingServer) -> None:
    for package in (flask_mail, ours):
        app, mail = made(package, server)
        with app.app_context():
            message = package.Message(**{"subject": "s", "recipients": TO, "body": "x", **call})
            assert message.has_bad_headers()
            with pytest.warns(DeprecationWarning, match="has_bad_headers"):
                assert message.is_bad_headers()
            with pytest.raises(package.BadHeaderError):
                mail.send(message)


def test_a_message_without_recipients_or_sender_is_an_assertion_error(server: CatchingServer) -> None:
    for package in (flask_mail, ours):
        app, mail = made(package, server, MAIL_DEFAULT_SENDER=None)
        with app.app_context():
            with pytest.raises(AssertionError, match=r"[Rr]ecipients"):
                mail.send(package.Message("s", sender="a@b.c", body="x"))
            with pytest.raises(AssertionError, match="sender"):
                mail.send(package.Message("s", recipients=TO, body="x"))


def test_an_attachment_without_data_is_a_value_error(server: CatchingServer) -> None:
    for package in (flask_mail, ours):
        with pytest.raises(ValueError, match="data"):
            package.Attachment("a.txt", "text/plain")


def test_an_app_without_mail_is_told_so(server: CatchingServer) -> None:
    for package in (flask_mail, ours):
        with Flask("bare").app_context(), pytest.raises(RuntimeError, match=r"configured|init_app"):
            package.Mail().connect()


def test_headers_and_mailboxes_are_written_alike() -> None:
    for given in (
        "zoe@example.com",
        ("Bob", "bob@example.com"),
        "Bob <bob@bücher.example>",
        ("Zoë", "zoe@example.com"),
    ):
        theirs, mine = flask_mail.sanitize_address(given), ours.sanitize_address(given)
        assert str(make_header(decode_header(mine))) == str(make_header(decode_header(theirs)))
    for text in ("Hello", "x" * 60):
        assert ours.sanitize_subject(text) == flask_mail.sanitize_subject(text)
    assert ours.sanitize_addresses(["a@b.c"]) == flask_mail.sanitize_addresses(["a@b.c"])
    assert ours.force_text("ü".encode()) == flask_mail.force_text("ü".encode()) == "ü"


@pytest.mark.parametrize("name", ["cc", "bcc", "attachments", "alts", "extra_headers", "reply_to", "charset", "html"])
def test_an_attribute_that_is_set_to_none_is_nothing(name: str, server: CatchingServer) -> None:
    for package in (flask_mail, ours):
        app, mail = made(package, server)
        server.mailbox.clear()
        with app.app_context():
            message = package.Message("s", TO, "x")
            setattr(message, name, None)
            mail.send(message)
        assert len(server.mailbox) == 1


@pytest.mark.parametrize("name", ["mail_options", "rcpt_options"])
def test_options_that_are_none_are_none(name: str, server: CatchingServer) -> None:
    """With Flask-Mail where mails are suppressed."""
    for package in (flask_mail, ours):
        app, mail = made(package, server, TESTING=True)
        with app.app_context(), mail.record_messages() as outbox:
            message = package.Message("s", TO, "x")
            setattr(message, name, None)
            mail.send(message)
        assert outbox == [message]


def test_a_connection_is_made_of_the_state(server: CatchingServer) -> None:
    for package in (flask_mail, ours):
        app, mail = made(package, server, TESTING=True)
        with app.app_context(), mail.record_messages() as outbox, package.Connection(mail.state) as connection:
            connection.send_message("s", TO, "x")
        assert len(outbox) == 1


def signed_class(package: Any) -> Any:
    class Signed(package.Message):  # type: ignore[misc]  # of either package
        def as_bytes(self) -> bytes:
            return b"X-Signed: 1\r\n" + bytes(super().as_bytes())

    return Signed


def test_a_class_of_the_applications_own_writes_its_octets(server: CatchingServer) -> None:
    for package in (flask_mail, ours):
        app, mail = made(package, server)
        server.mailbox.clear()
        with app.app_context():
            mail.send(signed_class(package)("s", TO, "x"))
        (arrived,) = server.mailbox
        assert arrived.message["X-Signed"] == "1"


def test_a_message_may_be_pickled_and_copied(server: CatchingServer) -> None:
    for package in (flask_mail, ours):
        app, _ = made(package, server)
        with app.app_context():
            message = package.Message("s", TO, "x", html="h", date=LATER)
            message.attach("a.txt", None, b"x")
            for again in (pickle.loads(pickle.dumps(message)), copy.deepcopy(message)):  # noqa: S301 - our own
                assert (again.alts, again.date, again.msgId) == (message.alts, message.date, message.msgId)
                assert again.attachments[0].data == b"x"


def test_a_message_of_flask_mail_goes_too_for_extensions_import_it(server: CatchingServer) -> None:
    app, mail = made(ours, server)
    server.mailbox.clear()
    with app.app_context():
        message = flask_mail.Message("s", TO, "x", cc=[("Zoë", "c@example.com")])
        message.attach("a.txt", "text/plain", b"x")
        mail.send(message)
    (arrived,) = server.mailbox
    assert set(arrived.recipients) == {*TO, "c@example.com"}
