"""Django's documented behaviours, with a real worker: what an application may expect of the two backends."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from email.mime.base import MIMEBase
from email.mime.image import MIMEImage
from pathlib import Path
from typing import Any

import django
import django_mail
import pytest
from django.conf import settings
from django.core import mail
from django.core.mail import EmailMessage, EmailMultiAlternatives
from django.test.utils import override_settings
from django.utils.translation import gettext_lazy
from django_mail import connection, default_mailer, shape
from workers import Plant, plant

from notifier.integrations.django import smtp_pools
from notifier.integrations.django.composing import octets_of
from notifier.testing import CatchingServer, Script
from notifier.testing.mailbox import CaughtMail

TO = ["Zoë Ångström <zoe@example.com>"]
PNG = b"\x89PNG\r\n\x1a\n\x00\xff"
numbers = iter(range(10_000))


@pytest.fixture(scope="module")
def works(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Plant]:
    script = Script().refuse(lambda r: r.startswith("nobody"))
    with plant(tmp_path_factory.mktemp("django"), script, NOTIFIER_FROM="Notifier <n@example.com>") as made:
        made.start_worker("-Q", "mail,mail.bulk", slots=1)
        yield made


@pytest.fixture(params=["EmailBackend", "SMTPBackend"])
def backend(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def delivered(works: Plant, backend: str, message: Any) -> CaughtMail:
    """The mail that came of it."""
    assert connection(backend).send_messages([message]) == 1
    if backend == "EmailBackend":
        works.settle([message.notifier_id], "sent")
    return list(works.server.mailbox)[-1]


def simple(**more: Any) -> EmailMessage:
    return EmailMessage("Subject", "Content", "from@example.com", ["to@example.com"], **more)


# What goes out ------------------------------------------------------------------------------------------------------


def test_everybody_gets_it_and_bcc_stands_in_the_envelope_alone(works: Plant, backend: str) -> None:
    message = EmailMessage(
        "Grüße",
        "Hällo\n.dot\nFrom here\n",
        "Büro <office@example.com>",
        TO,
        bcc=["unseen@example.com"],
        cc=["seen@example.com"],
        reply_to=["a@example.com", "B <b@example.com>"],
        headers={"X-Shop": "Schöner Laden", "List-ID": "<shop.example.com>"},
    )
    caught = delivered(works, backend, message)
    assert caught.reverse_path == "office@example.com"
    assert caught.recipients == ("zoe@example.com", "seen@example.com", "unseen@example.com")
    assert b"unseen" not in caught.data
    found = caught.message
    assert [found[name] for name in ("Subject", "From", "To", "Cc", "Reply-To", "X-Shop", "List-ID")] == [
        "Grüße",
        "Büro <office@example.com>",
        "Zoë Ångström <zoe@example.com>",
        "seen@example.com",
        "a@example.com, B <b@example.com>",
        "Schöner Laden",
        "<shop.example.com>",
    ]
    assert shape(caught.data) == [("text/plain", None, None, None, "Hällo\n.dot\nFrom here")]


def test_fields_set_by_hand_stand_and_the_envelope_is_from_emails(works: Plant, backend: str) -> None:
    headers = {
        "From": "Somebody <somebody@example.com>",
        "To": "list-subscriber@example.com",
        "Message-ID": "<mine@example.com>",
        "date": "Fri, 09 Nov 2001 01:08:47 -0000",
    }
    caught = delivered(
        works, backend, EmailMessage("S", "C", "bounce@example.com", ["to@example.com"], headers=headers)
    )
    assert (caught.reverse_path, caught.recipients) == ("bounce@example.com", ("to@example.com",))
    assert {name.lower(): str(caught.message[name]) for name in headers} == {
        name.lower(): value for name, value in headers.items()
    }
    assert len(caught.message.get_all("Date")) == 1


def image() -> Any:
    if django.VERSION < (6, 0):
        part = MIMEImage(PNG, "png")
    else:
        from email.message import MIMEPart

        part = MIMEPart()
        part.set_content(PNG, "image", "png")
    part["Content-ID"] = "<logo>"
    part["Content-Disposition"] = "inline"
    return part


def octet_stream() -> Any:
    if django.VERSION >= (6, 0):  # deprecated since then
        return image()
    part = MIMEBase("application", "x-odd")
    part.set_payload(b"odd")
    return part


FORMS: dict[str, Callable[[Any, Path], object]] = {
    "octets": lambda m, _: m.attach("report.pdf", b"\x00\xff\r\n\n", "application/pdf"),
    "octets of no type": lambda m, _: m.attach("data", b"\x00\xff"),
    "a name beyond ASCII": lambda m, _: m.attach("Übersicht 2026.csv.gz", b"\x1f\x8b", "application/gzip"),
    "no name": lambda m, _: m.attach(None, b"%PDF", "application/pdf"),
    "text": lambda m, _: m.attach("notes.txt", "Grüße\nund mehr", "text/plain"),
    "octets of text": lambda m, _: m.attach("notes.csv", "a;ü\r\nb;c".encode(), "text/csv"),
    "octets that are no text": lambda m, _: m.attach("notes.txt", b"\xff\xfe\x00", "text/plain"),
    "a part": lambda m, _: m.attach(image()),
    "a part of before": lambda m, _: m.attach(octet_stream()),
    "a file": lambda m, folder: m.attach_file(folder / "file.bin"),
    "a file of text": lambda m, folder: m.attach_file(folder / "file.txt"),
    "a Django message": lambda m, _: m.attach(None, simple(), "message/rfc822"),
    "octets of a message": lambda m, _: m.attach(
        "old.eml", b"From: a@b.example\r\nSubject: old\r\n\r\nx", "message/rfc822"
    ),
    "an empty one": lambda m, _: m.attach("empty.bin", b"", "application/octet-stream"),
}


@pytest.mark.parametrize("form", FORMS)
def test_attachments_of_every_form_arrive_as_django_writes_them(works: Plant, tmp_path: Path, form: str) -> None:
    (tmp_path / "file.bin").write_bytes(bytes(range(256)))
    (tmp_path / "file.txt").write_text("Grüße\n", encoding="utf-8")
    message = EmailMultiAlternatives("S", "Text\n", "from@example.com", ["to@example.com"])
    message.attach_alternative("<p>Grüße</p>\n", "text/html")
    FORMS[form](message, tmp_path)
    caught = delivered(works, "EmailBackend", message)
    assert shape(caught.data) == shape(octets_of(message))


def test_attachments_may_be_given_as_tuples_at_once(works: Plant, backend: str) -> None:
    message = simple(attachments=[("a.pdf", b"\x00", "application/pdf"), ("b.txt", "text", "text/plain")])
    caught = delivered(works, backend, message)
    assert [part[2] for part in shape(caught.data)] == [None, None, "a.pdf", "b.txt"]


def test_alternatives_come_in_their_order(works: Plant, backend: str) -> None:
    message = EmailMultiAlternatives("S", "Text", "from@example.com", ["to@example.com"])
    message.attach_alternative("<p>html</p>", "text/html")
    message.attach_alternative("BEGIN:VCALENDAR\nEND:VCALENDAR\n", "text/calendar")
    caught = delivered(works, backend, message)
    assert [part[0] for part in shape(caught.data)] == [
        "multipart/alternative",
        "text/plain",
        "text/html",
        "text/calendar",
    ]
    assert shape(caught.data) == shape(octets_of(message))


BODIES = {
    "empty": "",
    "no line end": "no end",
    "blank lines at the end": "one\n\n\n",
    "dots": ".\n..\n.x\n",
    "CRLF": "a\r\nb\r\n",
    "a lone CR": "a\rb\n",
    "long lines": "x" * 5000 + "\n" + "ü" * 3000,
    "blanks at the end": "signature \n-- \nme\t\n",
    "many scripts": "Ελληνικά 日本語 🎉\n" * 20,
    "an old mailbox": "From me\n>From you\n",
    "what looks encoded": "=?utf-8?q?x?= =3D = =\n",
}


@pytest.mark.parametrize("body", BODIES)
@pytest.mark.parametrize("subtype", ["plain", "html"])
def test_bodies_arrive_character_for_character(works: Plant, body: str, subtype: str) -> None:
    message = EmailMessage("S", BODIES[body], "from@example.com", ["to@example.com"])
    message.content_subtype = subtype
    caught = delivered(works, "EmailBackend", message)
    expected = BODIES[body].replace("\r\n", "\n").replace("\r", "\n")
    ((kind, *_, text),) = shape(caught.data)
    assert (kind, text) == (f"text/{subtype}", expected.removesuffix("\n"))


def test_another_encoding_is_kept(works: Plant, backend: str) -> None:
    message = EmailMessage("Grüße", "Firstname Sürname is a great guy.", "from@example.com", ["to@example.com"])
    message.encoding = "iso-8859-1"
    caught = delivered(works, backend, message)
    assert caught.message.get_content_charset() == "iso-8859-1"
    assert caught.message.get_content().strip() == "Firstname Sürname is a great guy."


def test_a_subclass_may_write_its_message_by_itself(works: Plant, backend: str) -> None:
    class Stamped(EmailMessage):
        def message(self) -> Any:
            made = super().message()
            made["X-Stamp"] = "mine"
            return made

    caught = delivered(works, backend, Stamped("S", "C", "from@example.com", ["to@example.com"]))
    assert caught.message["X-Stamp"] == "mine"


def test_lazy_texts_are_taken(works: Plant, backend: str) -> None:
    message = EmailMessage(
        gettext_lazy("Subject"),
        gettext_lazy("Content"),
        gettext_lazy("from@example.com"),
        [gettext_lazy("to@example.com")],
    )
    caught = delivered(works, backend, message)
    assert (caught.message["Subject"], caught.recipients) == ("Subject", ("to@example.com",))


def test_domains_beyond_ascii_go_out_in_a_labels(works: Plant, backend: str) -> None:
    message = EmailMessage("S", "C", "from@öäü.example.com", ["to@bücher.example"])
    caught = delivered(works, backend, message)
    assert caught.recipients == ("to@xn--bcher-kva.example",)
    assert caught.reverse_path == "from@xn--4ca9at.example.com"
    assert b"To: to@xn--bcher-kva.example" in caught.data


# The contract -------------------------------------------------------------------------------------------------------


def test_send_mail_and_its_like_return_how_many_were_taken(works: Plant, backend: str) -> None:
    with default_mailer(backend), override_settings(ADMINS=admins(), SERVER_EMAIL="root@example.com"):
        assert (
            mail.send_mail("S", "C", "from@example.com", ["a@example.com", "b@example.com"], html_message="<p>C</p>")
            == 1
        )
        one = ("S", "C", "from@example.com", ["a@example.com"])
        assert mail.send_mass_mail([one, one, ("S", "C", "from@example.com", [])]) == 2
        assert simple().send() == 1
        mail.mail_admins("S", "C")


def admins() -> list[Any]:
    return ["admin@example.com"] if django.VERSION >= (6, 0) else [("Admin", "admin@example.com")]


def test_nobody_to_send_to_is_no_mail(works: Plant, backend: str) -> None:
    nobody = EmailMessage("S", "C", "from@example.com", [], bcc=[""])
    assert connection(backend).send_messages([]) == 0
    assert connection(backend).send_messages([nobody]) == 0
    assert connection(backend).send_messages([nobody, simple()]) == 1


def test_several_mails_go_through_one_connection(works: Plant, backend: str) -> None:
    with connection(backend) as opened:
        assert opened.send_messages([simple(), simple()]) == 2
        assert opened.send_messages([simple()]) == 1


def test_opening_tells_whether_it_was_needed(works: Plant) -> None:
    backend = connection("SMTPBackend")
    assert [backend.open(), backend.open(), backend.close(), backend.open()] == [True, False, None, True]


def test_threads_may_share_a_backend(works: Plant, backend: str) -> None:
    shared = connection(backend)
    sent: list[int] = []

    def send() -> None:
        sent.append(sum(shared.send_messages([simple(), simple()]) for _ in range(10)))

    threads = [threading.Thread(target=send) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sent == [20] * 4


def test_a_mails_class_queue_and_tenant_are_options(works: Plant) -> None:
    message = simple()
    assert connection(mail_class="bulk", queue="mail.bulk", tenant="default").send_messages([message]) == 1
    works.settle([message.notifier_id], "sent")
    with pytest.raises(ValueError, match="unknown mail class"):
        connection(mail_class="none").send_messages([simple()])


def test_at_once_some_refused_recipients_are_no_error_and_all_of_them_are(works: Plant) -> None:
    some = EmailMessage("S", "C", "from@example.com", ["to@example.com", "nobody@example.com"])
    assert connection("SMTPBackend").send_messages([some]) == 1
    nobody = EmailMessage("S", "C", "from@example.com", ["nobody@example.com"])
    with pytest.raises(OSError, match="No such user") as caught:
        connection("SMTPBackend").send_messages([nobody])
    assert caught.value.recipients["nobody@example.com"][0] == 550
    assert connection("SMTPBackend", fail_silently=True).send_messages([nobody]) == 0


def test_at_once_another_relay_may_be_named(works: Plant) -> None:
    named = connection("SMTPBackend", host="localhost", port=works.server.port, use_tls=None, timeout=5)
    message = EmailMessage("S", "C", "from@example.com", ["by-another-relay@example.com"])
    with named as opened:
        assert opened.send_messages([message, message]) == 2
    assert [mail.recipients for mail in works.server.mailbox].count(("by-another-relay@example.com",)) == 2


def test_at_once_one_session_serves_the_backends_of_many_requests(works: Plant) -> None:
    with CatchingServer() as other:
        for _ in range(3):
            with connection("SMTPBackend", host="localhost", port=other.port) as opened:
                assert opened.send_messages([simple()]) == 1
        assert (len(other.mailbox), other.connections) == (3, 1)


def test_at_once_a_process_keeps_so_many_relays_and_no_more(works: Plant, monkeypatch: pytest.MonkeyPatch) -> None:
    """A site whose customers bring relays of their own has no end of them."""
    smtp_pools.close_pools()
    monkeypatch.setattr(smtp_pools, "MOST_RELAYS", 2)
    with CatchingServer() as other:
        for timeout in (5, 6, 7, 5):
            named = connection("SMTPBackend", host="localhost", port=other.port, timeout=timeout)
            assert named.send_messages([simple()]) == 1
        assert (len(other.mailbox), other.connections) == (4, 4)
        assert len(smtp_pools._ways) == 2  # what a user would see of it is a process that runs out of descriptors


def test_it_works_whether_or_not_the_app_is_installed(works: Plant) -> None:
    assert django_mail.OURS not in settings.INSTALLED_APPS
    with django_mail.installed():
        assert connection().send_messages([simple()]) == 1
