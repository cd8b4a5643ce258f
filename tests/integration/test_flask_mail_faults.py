"""Where Flask-Mail 0.10 is wrong: what it does (so that this page stays true), and what the extension does instead."""

from __future__ import annotations

import email
import smtplib
import socket
from collections.abc import Callable, Iterator
from contextlib import suppress
from email import policy
from email.message import EmailMessage
from typing import Any

import flask_mail
import pytest
from flask import Flask

from notifier.errors import ConfigurationError, InvalidAttachment, InvalidMail
from notifier.integrations import flask as ours
from notifier.integrations.flask import process
from notifier.testing import CatchingServer, CaughtMail

TO = ["zoe@example.com"]


@pytest.fixture
def server() -> Iterator[CatchingServer]:
    with CatchingServer(starttls=False) as caught:
        yield caught
    process.release()


def made(package: Any, server: CatchingServer, **config: Any) -> tuple[Flask, Any]:
    app = Flask("shop")
    app.config.update(
        MAIL_SERVER=server.host, MAIL_PORT=server.port, MAIL_DEFAULT_SENDER="shop@example.com", MAIL_SEND_NOW=True
    )
    app.config.update(config)
    return app, package.Mail(app)


def sent(package: Any, server: CatchingServer, *files: Any, **call: Any) -> list[CaughtMail]:
    app, mail = made(package, server)
    server.mailbox.clear()
    with app.app_context():
        mail.send(package.Message(**{"body": "x", "attachments": list(files), **call}))
    return list(server.mailbox)


def parsed(octets: bytes) -> EmailMessage:
    return email.message_from_bytes(octets, policy=policy.SMTP)  # type: ignore[return-value]  # of that policy


# Mails that get lost, or go to others -------------------------------------------------------------------------------


def test_a_connection_without_with_drops_its_mails(server: CatchingServer) -> None:
    for package, arrive in ((flask_mail, 0), (ours, 1)):
        app, mail = made(package, server)
        with app.app_context(), mail.record_messages() as outbox:
            mail.connect().send(package.Message("s", recipients=TO, body="x"))
        assert (len(outbox), len(server.mailbox)) == (1, arrive)


def test_two_addresses_in_one_slot_lose_the_second(server: CatchingServer) -> None:
    """With newer Pythons, whose `parseaddr` is strict, both of them."""
    with suppress(smtplib.SMTPRecipientsRefused):
        sent(flask_mail, server, recipients=["a@example.com, b@example.com"])
    assert [mail for mail in server.mailbox if "b@example.com" in mail.recipients] == []
    with pytest.raises(ours.BadAddressError, match="recipients"):
        sent(ours, server, recipients=["a@example.com, b@example.com"])


def test_a_comma_in_a_senders_name_makes_another_sender(server: CatchingServer) -> None:
    """``Doe``; with newer Pythons, whose `parseaddr` is strict, the null sender."""
    jane = ("Doe, Jane", "jane@example.com")
    with suppress(smtplib.SMTPSenderRefused):
        sent(flask_mail, server, recipients=TO, sender=jane)
    assert [mail for mail in server.mailbox if mail.reverse_path == "jane@example.com"] == []
    (mail,) = sent(ours, server, recipients=TO, sender=jane)
    assert (mail.reverse_path, mail.message["From"]) == ("jane@example.com", '"Doe, Jane" <jane@example.com>')


def test_recipients_that_are_one_text_are_taken_letter_by_letter(server: CatchingServer) -> None:
    with pytest.raises(smtplib.SMTPRecipientsRefused, match="no mailbox"):
        sent(flask_mail, server, recipients="ab")
    with pytest.raises(ours.BadAddressError, match="recipients is a list"):
        sent(ours, server, recipients="zoe@example.com")


def test_recipients_stand_in_no_order_and_names_of_one_address_twice_in_the_envelope(server: CatchingServer) -> None:
    many = [f"{number}@example.com" for number in range(9)]
    (mine,) = sent(ours, server, recipients=[*many, ("Nought", "0@example.com")], cc=["1@example.com"])
    assert [address.addr_spec for address in mine.message["To"].addresses] == many
    assert list(mine.recipients) == many


def test_the_html_of_the_alternatives_is_lost(server: CatchingServer) -> None:
    for package, html in ((flask_mail, None), (ours, "<b>h</b>")):
        app, _ = made(package, server)
        with app.app_context():
            assert package.Message(alts={"html": "<b>h</b>"}).html == html


# Headers ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("field", ["cc", "bcc"])
def test_a_line_end_in_cc_or_bcc_is_no_bad_header(field: str, server: CatchingServer) -> None:
    for package, bad in ((flask_mail, False), (ours, True)):
        app, _ = made(package, server)
        with app.app_context():
            message = package.Message("s", recipients=TO, body="x", **{field: ["a@b.c\r\nX: y"]})
            assert message.has_bad_headers() == bad


def test_extra_headers_are_not_looked_at(server: CatchingServer) -> None:
    for package, bad in ((flask_mail, False), (ours, True)):
        app, _ = made(package, server)
        with app.app_context():
            for extra in ({"X-A": "b\r\nBcc: c@d.e"}, {"X A": "b"}, {"X-A\r\nBcc": "c@d.e"}):
                message = package.Message("s", recipients=TO, body="x", extra_headers=extra)
                assert message.has_bad_headers() == bad, extra


def test_extra_headers_that_are_there_already_make_two_of_one(server: CatchingServer) -> None:
    extra = {"Message-ID": "<mine@example.com>"}
    (mail,) = sent(flask_mail, server, recipients=TO, extra_headers=extra)
    assert len(mail.message.get_all("Message-ID")) == 2
    with pytest.raises(ours.BadHeaderError, match="msgId"):
        sent(ours, server, recipients=TO, extra_headers=extra)


def test_extra_headers_beyond_ascii_cannot_be_sent_with_every_python(server: CatchingServer) -> None:
    """With 3.11 a UnicodeEncodeError."""
    (mail,) = sent(ours, server, recipients=TO, extra_headers={"X-Name": "Zoë"})
    assert mail.message["X-Name"] == "Zoë"


def test_a_message_without_recipients_to_be_seen_has_an_empty_field(server: CatchingServer) -> None:
    (theirs,), (mine,) = (sent(package, server, bcc=["b@example.com"]) for package in (flask_mail, ours))
    assert b"\r\nTo: \r\n" in theirs.data
    assert b"\r\nTo: undisclosed-recipients:;\r\n" in mine.data


@pytest.mark.parametrize("date", [float("nan"), 1e20, "yesterday"])
def test_a_date_that_is_none_ends_in_some_other_error(date: object, server: CatchingServer) -> None:
    with pytest.raises((ValueError, OverflowError, TypeError)):
        sent(flask_mail, server, recipients=TO, date=date)
    with pytest.raises(ours.BadHeaderError, match="seconds since the epoch"):
        sent(ours, server, recipients=TO, date=date)


# Bodies and files -----------------------------------------------------------------------------------------------------


def test_a_text_beyond_its_charset_ends_in_an_error(server: CatchingServer) -> None:
    with pytest.raises(UnicodeEncodeError):
        sent(flask_mail, server, recipients=TO, charset="iso-8859-1", body="日本")
    (mail,) = sent(ours, server, recipients=TO, charset="iso-8859-1", body="日本")
    assert mail.text().strip() == "日本"


def test_an_html_alone_has_an_empty_text_beside_it(server: CatchingServer) -> None:
    (mine,) = sent(ours, server, recipients=TO, body=None, html="<b>h</b>")
    assert [part.get_content_type() for part in mine.message.walk()] == ["text/html"]


def test_text_in_an_attachment_is_mangled_beyond_ascii(server: CatchingServer) -> None:
    found = []
    for package in (flask_mail, ours):
        (mail,) = sent(package, server, package.Attachment("a.csv", "text/csv", "Zoë,日本"), recipients=TO)
        (file,) = mail.message.iter_attachments()
        found.append(file.get_payload(decode=True))
    assert found[0] != "Zoë,日本".encode()
    assert found[1] == "Zoë,日本".encode()


def test_a_message_as_attachment_is_encoded_which_mime_forbids(server: CatchingServer) -> None:
    """RFC 2046 section 5.2.1."""
    inner = b"Subject: inner\r\n\r\nhello\r\n"
    (mail,) = sent(ours, server, ours.Attachment("m.eml", "message/rfc822", inner), recipients=TO)
    (part,) = mail.message.iter_attachments()
    assert (part["Content-Transfer-Encoding"], part.get_payload(0)["Subject"]) == ("7bit", "inner")
    (theirs,) = sent(flask_mail, server, flask_mail.Attachment("m.eml", "message/rfc822", inner), recipients=TO)
    assert b"Content-Transfer-Encoding: base64" in theirs.data


@pytest.mark.parametrize("filename", ["../../etc/passwd", "a\r\nX: y.txt", "gpj\u202eexe.txt", ""])
def test_names_of_files_are_not_looked_at(filename: str, server: CatchingServer) -> None:
    with pytest.raises(InvalidAttachment, match="filename"):
        sent(ours, server, ours.Attachment(filename, "text/plain", b"x"), recipients=TO)


def test_a_name_with_nothing_in_ascii_is_empty(server: CatchingServer) -> None:
    for package, name in ((flask_mail, ".pdf"), (ours, "file.pdf")):
        app, _ = made(package, server, MAIL_ASCII_ATTACHMENTS=True)
        with app.app_context():
            message = package.Message("s", recipients=TO, body="x")
            message.attach("日本.pdf", "application/pdf", b"x")
            (file,) = parsed(message.as_bytes()).iter_attachments()
            assert file.get_filename() == name


# The extension itself -------------------------------------------------------------------------------------------------


def test_outside_of_an_app_context_the_mail_goes_and_the_call_fails(server: CatchingServer) -> None:
    for package in (flask_mail, ours):
        app, mail = made(package, server)
        with app.app_context():
            message = package.Message("s", recipients=TO, body="x")
        if package is flask_mail:
            with pytest.raises(RuntimeError, match="application context"):
                mail.send(message)
        else:
            mail.send(message)
    assert len(server.mailbox) == 1


def test_a_misspelt_attribute_is_none(server: CatchingServer) -> None:
    assert made(flask_mail, server)[1].send_massage is None
    with pytest.raises(AttributeError, match="send_massage"):
        _ = made(ours, server)[1].send_massage


def test_after_init_app_the_extension_does_not_know_its_state(server: CatchingServer) -> None:
    for package, known in ((flask_mail, None), (ours, "shop@example.com")):
        app, _ = made(package, server)
        mail = package.Mail()
        mail.init_app(app)
        with app.app_context():
            assert mail.default_sender == known


def test_each_message_asks_the_resolver_for_this_hosts_name(
    server: CatchingServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[str] = []
    monkeypatch.setattr(socket, "getfqdn", lambda name="": asked.append(name) or "slow.example")
    app, _ = made(ours, server)
    with app.app_context():
        assert ours.Message("s").msgId.endswith("@example.com>")
    assert asked == []


def test_tls_twice_and_settings_that_are_none_are_found_when_the_first_mail_is_sent(server: CatchingServer) -> None:
    config = {
        "MAIL_USE_TLS": True,
        "MAIL_USE_SSL": True,
        "MAIL_PORT": "smtp",
        "MAIL_DEFAULT_SENDER": "nobody",
        "NOTIFIER_DURABILTY": "x",
    }
    made(flask_mail, server, **config)
    with pytest.raises(ConfigurationError) as caught:
        made(ours, server, **config)
    for word in ("MAIL_USE_SSL", "MAIL_PORT", "MAIL_DEFAULT_SENDER"):
        assert word in str(caught.value)
    with pytest.raises(ConfigurationError, match="did you mean NOTIFIER_DURABILITY"):
        made(ours, server, NOTIFIER_DURABILTY="x")


def test_without_tls_a_password_goes_in_clear_text(server: CatchingServer) -> None:
    """To a server that is not on this host, which the URL says without a connection."""
    _, mail = made(ours, server, MAIL_SERVER="relay.example.com", MAIL_PORT=25, MAIL_USERNAME="u", MAIL_PASSWORD="p@ss")
    url = mail.state.texts["NOTIFIER_SMTP_URL"]
    assert url == "smtp://u:p%40ss@relay.example.com:25"  # tls=required is what that means
    assert "p@ss" not in repr(mail.state)
    assert "p%40ss" not in repr(mail.state)


@pytest.mark.parametrize(
    "options", [{"mail_options": ["RET=HDRS"]}, {"rcpt_options": ["NOTIFY=NEVER\r\nRCPT TO:<e@x>"]}]
)
def test_options_of_the_envelope_are_sent_as_they_are(options: dict[str, Any], server: CatchingServer) -> None:
    with pytest.raises(InvalidMail, match="cannot say"):
        sent(ours, server, recipients=TO, **options)
    assert len(sent(ours, server, recipients=TO, mail_options=["BODY=8BITMIME", "SMTPUTF8"])) == 1


NO_ADDRESSES: list[Any] = [
    "", "a", "@b.c", "a@", "a@@b.c", "a b@c.d", "a@b..c", ".a@b.c", "a@b> SIZE=1", "a@b.c\0", "a@[127.0.0.1]", "<@x:a@b>", "g: a@b.c;",
    "alice@example.org)bob@evil", "a@evil.com@ok.org", "\ud800@b.c", "x" * 65 + "@b.c", "a@b.c\u2028", None, 7, b"a@b.c", ("a", "b", "c@d.e"),
]  # fmt: skip
LISTS = ("recipients", "cc", "bcc")
PLACES = [
    (field, address)
    for field in (*LISTS, "sender", "reply_to")
    for address in NO_ADDRESSES
    if address or field in LISTS
]


@pytest.mark.parametrize(("field", "address"), PLACES, ids=lambda value: repr(value)[:24])
def test_what_is_no_address_is_refused_in_every_field(field: str, address: Any, server: CatchingServer) -> None:
    given = [address] if field in LISTS else address
    with pytest.raises(ours.BadAddressError):
        sent(ours, server, **{"recipients": TO, field: given})
    assert len(server.mailbox) == 0


@pytest.mark.parametrize(
    "call",
    [
        {"subject": "a\0"}, {"subject": "a\x1b[0m"}, {"subject": "a\u2028b"}, {"subject": "\ud800"}, {"extra_headers": {"Bcc": "e@x"}},
        {"extra_headers": {"DKIM-Signature": "v=1"}}, {"extra_headers": {"Return-Path": "e@x"}}, {"extra_headers": {"": "x"}},
        {"extra_headers": {"Content-Type": "text/html"}}, {"extra_headers": {f"X-{n}": "1" for n in range(101)}}, {"charset": "no-such"},
        {"extra_headers": {"List-Unsubscribe": "<javascript:x>"}}, {"alts": {"html\r\nX: y": "x"}}, {"extra_headers": {"From": "e@x"}},
    ],
    ids=lambda value: repr(value)[:40],
)  # fmt: skip
def test_what_is_no_header_is_refused_before_anything_is_sent(call: dict[str, Any], server: CatchingServer) -> None:
    with pytest.raises(InvalidMail) as caught:
        sent(ours, server, **{"recipients": TO, **call})
    assert isinstance(caught.value, ours.BadHeaderError | InvalidAttachment)
    assert len(server.mailbox) == 0


@pytest.mark.parametrize(
    "attachment",
    [
        lambda: ours.Attachment("a", "text/html\r\nX: y", b"x"), lambda: ours.Attachment("a", "multipart/mixed", b"x"),
        lambda: ours.Attachment("a", "text/html; x\r\n=y", b"x"), lambda: ours.Attachment("a", "text/plain", b"x", "form-data"),
        lambda: ours.Attachment("a", "text/plain", b"x", headers={"Content-ID": "<a>\r\nX: y"}), lambda: ours.Attachment("a", None, 7),
        lambda: ours.Attachment("a", "text/plain", b"x", headers={"Content-Type": "text/html"}), lambda: ours.Attachment("x" * 300, None, b"x"),
    ],
)  # fmt: skip
def test_a_file_that_would_break_its_part_is_refused(
    attachment: Callable[[], ours.Attachment], server: CatchingServer
) -> None:
    with pytest.raises(InvalidMail):
        sent(ours, server, attachment(), recipients=TO)
    assert len(server.mailbox) == 0


def test_more_files_than_a_mail_may_have_and_two_of_one_content_id_are_refused(server: CatchingServer) -> None:
    file = ours.Attachment("a.png", "image/png", b"x", "inline", {"Content-ID": "<a@x>"})
    for files in ([file, file], [ours.Attachment("a.txt", None, b"x")] * 101):
        with pytest.raises(InvalidMail, match=r"one Content-ID|more than 100"):
            sent(ours, server, *files, recipients=TO)
    assert len(server.mailbox) == 0


@pytest.mark.parametrize("charset", ["no-such", "rot13", "utf-8\r\nX: y", "undefined", 7])
def test_a_charset_that_is_none_is_refused(charset: Any, server: CatchingServer) -> None:
    with pytest.raises(ours.BadHeaderError, match="charset"):
        sent(ours, server, recipients=TO, charset=charset)


def test_text_of_half_characters_is_refused(server: CatchingServer) -> None:
    with pytest.raises(InvalidMail, match="surrogate"):
        sent(ours, server, recipients=TO, body="\ud800")


@pytest.mark.parametrize("body", ["x" * 5000, "a\r\n.\r\nMAIL FROM:<e@x>\r\n", "a\r.\rb", "a\x00b", "\n.\n"])
def test_a_body_of_any_form_is_one_mail(body: str, server: CatchingServer) -> None:
    (mail,) = sent(ours, server, recipients=TO, body=body)
    assert mail.text().splitlines() == body.replace("\r\n", "\n").replace("\r", "\n").splitlines()


def test_a_name_of_none_in_a_sender_is_the_word_none(server: CatchingServer) -> None:
    for package, name in ((flask_mail, "None"), (ours, "")):
        (mail,) = sent(package, server, recipients=TO, sender=(None, "shop@example.org"))
        assert mail.message["From"].addresses[0].display_name == name


def test_the_headers_of_a_file_may_be_pairs_as_before_0_10(server: CatchingServer) -> None:
    with pytest.raises(AttributeError):
        sent(
            flask_mail,
            server,
            flask_mail.Attachment("l.png", None, b"x", "inline", [["Content-ID", "<l>"]]),
            recipients=TO,
        )
    logo = ours.Attachment("l.png", None, b"x", "INLINE", [["Content-ID", "<l>"]])  # type: ignore[arg-type]  # as above
    (mail,) = sent(ours, server, logo, recipients=TO)
    (file,) = mail.message.iter_attachments()
    assert (file["Content-ID"], file.get_content_disposition()) == ("<l>", "inline")


ODD: list[Any] = [7, "x", b"x", object(), [None], [7], {7: 7}, True, float("inf"), "\ud800", "a\0b"]
FIELDS = ("attachments", "alts", "extra_headers", "mail_options", "rcpt_options", "recipients", "cc", "bcc", "charset", "reply_to", "sender", "msgId", "date", "subject", "body")  # fmt: skip


@pytest.mark.parametrize("value", ODD, ids=lambda value: repr(value)[:12])
@pytest.mark.parametrize("field", FIELDS)
def test_an_attribute_of_a_wrong_kind_is_an_invalid_mail_or_goes_as_text(field: str, value: Any) -> None:
    """With Flask-Mail an AttributeError or TypeError from deep inside, or a mail that nobody can read."""
    app = Flask("shop")
    app.config.update(TESTING=True, MAIL_DEFAULT_SENDER="shop@example.com")
    mail = ours.Mail(app)
    with app.app_context():
        message = ours.Message("s", TO, "x")
        setattr(message, field, value)
        with suppress(InvalidMail):
            mail.send(message)


@pytest.mark.parametrize(
    "call",
    [{"extra_headers": {"X-A": None}}, {"extra_headers": {"X-A": ["1"]}}, {"body": ["x"]}, {"html": {"a": 1}}, {"subject": ["x"]},
     {"recipients": (one for one in TO)}, {"msgId": None}, {"mail_options": "SMTPUTF8"}, {"charset": "unicode_escape"}, {"charset": "idna"},
     {"attachments": ["x"]}, {"alts": ["x"]}],
    ids=lambda call: next(iter(call)),
)  # fmt: skip
def test_what_is_no_text_or_no_list_is_refused_and_not_sent_as_python_writes_it(call: dict[str, Any]) -> None:
    app = Flask("shop")
    app.config.update(TESTING=True, MAIL_DEFAULT_SENDER="shop@example.com")
    mail = ours.Mail(app)
    with app.app_context():
        message = ours.Message("s", TO, "x")
        for name, value in call.items():
            setattr(message, name, value)
        with pytest.raises(InvalidMail):
            mail.send(message)


def test_utf_8_has_one_name_whatever_python_calls_it(server: CatchingServer) -> None:
    for name in ("utf_8", "UTF8", "utf-8-sig", "U8"):
        (mail,) = sent(ours, server, recipients=TO, charset=name, body="ü")
        assert mail.message.get_content_charset() == "utf-8"


def test_an_app_without_mail_and_one_whose_mail_is_another_are_told_so(server: CatchingServer) -> None:
    with Flask("bare").app_context(), pytest.raises(RuntimeError, match="init_app"):
        ours.Message("s")
    app, mail = made(ours, server)
    flask_mail.Mail(app)
    with app.app_context(), pytest.raises(RuntimeError, match="flask_mail's"):
        mail.send(ours.Message("s", TO, "x"))
    for without in (app, Flask("bare")):
        with pytest.raises(RuntimeError, match="Mail"):
            ours.worker_app(without)
