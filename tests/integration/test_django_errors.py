"""What Django's users catch: bad input at the call with nothing stored, and a clear error where broker or store is away."""

from __future__ import annotations

import smtplib
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from django.core import mail
from django.core.exceptions import ImproperlyConfigured
from django.core.mail import EmailMessage
from django.core.mail.message import BadHeaderError
from django.test.utils import override_settings
from django.views.debug import ExceptionReporter
from django_mail import MAILERS, connection, default_mailer
from half_open import PROMISED, half_open
from real_servers.ground import held_ports
from workers import Plant, plant

from notifier.errors import BrokerUnavailable, InvalidAddress, InvalidMail, StoreUnavailable
from notifier.settings import Settings
from notifier.tasks.app import BROKER_TIMEOUT, use_settings
from notifier.tasks.bells import gate
from notifier.tasks.runtime import runtime


@pytest.fixture(scope="module")
def works(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Plant]:
    with plant(tmp_path_factory.mktemp("django-errors"), NOTIFIER_MAX_MAIL_BYTES="200000") as made:
        yield made


def message(**changes: Any) -> EmailMessage:
    made = EmailMessage("S", "C", "from@example.com", ["to@example.com"])
    for name, value in changes.items():
        setattr(made, name, value)
    return made


def to(address: object) -> EmailMessage:
    return message(to=[address])


def header(name: str, value: object) -> EmailMessage:
    return message(extra_headers={name: value})


def file(name: object, content: object = b"x", mimetype: object = "application/pdf") -> EmailMessage:
    return message(attachments=[(name, content, mimetype)])


# By the numbers of the list of bad inputs.
ADDRESSES = {
    "2 no at": "a",
    "3 no local part": "@b.example",
    "4 no domain": "a@",
    "5 two ats": "a@@b.example",
    "6 a blank": "a b@c.example",
    "7 two dots": "a@b..example",
    "8 a dot first": ".a@b.example",
    "9 a long local part": "a" * 65 + "@b.example",
    "10 a long label": f"a@{'b' * 64}.example",
    "11 a long path": f"a@{'.'.join(['b' * 60] * 5)}.example",
    "12 CRLF": "a@b.example\r\nRCPT TO:<e@x.example>",
    "13 LF": "a@b.example\n",
    "14 a control": "a\x01@b.example",
    "16 a parameter": "a@b.example> SIZE=1",
    "17 two in one": "a@b.example, d@e.example",
    "20 a quoted CRLF": '"a\r\nDATA"@b.example',
    "21 behind a comment": "alice@example.org)bob@evil.example",
    "22 two domains": "a@evil.example@ok.example",
    "23 a source route": "<@x.example:a@b.example>",
    "24 a literal": "a@[127.0.0.1]",
    "25 no domain": "postmaster",
    "26 a group": "g: a@b.example;",
    "29 a full-width dot": "a@b\uff0eexample",
    "30 half a character": "a\ud800@b.example",
    "31 a long text": "a" * 10**6,
    "34 LF behind the domain": "a@b.example\n",
}
HEADERS = {
    "35 CRLF in a value": ("X-A", "a\r\nBcc: x@y.example"),
    "36 LF at the end": ("X-A", "a\n"),
    "38 a line of Unicode": ("X-A", "a\u2028b"),
    "39 NUL": ("X-A", "a\0b"),
    "40 CRLF in a name": ("X-A\r\nBcc", "x@y.example"),
    "40 a blank in a name": ("X A", "a"),
    "40 a colon in a name": ("X:A", "a"),
    "40 no name": ("", "a"),
    "40 a name beyond ASCII": ("X-Ä", "a"),
    "41 Bcc": ("Bcc", "x@y.example"),
    "41 Return-Path": ("Return-Path", "<x@y.example>"),
    "41 Received": ("Received", "by me"),
    "41 DKIM-Signature": ("dkim-signature", "v=1"),
    "41 Content-Transfer-Encoding": ("Content-Transfer-Encoding", "8bit"),
    "41 MIME-Version": ("MIME-Version", "2.0"),
    "42 a second Subject": ("subject", "another"),
    "47 a Message-ID in two lines": ("Message-ID", "<a@b.example>\r\nX: y"),
    "47 a Message-ID with a blank": ("Message-ID", "<a b@c.example>"),
    "48 a long value": ("X-A", "x" * 10**6),
    "49 List-Unsubscribe over http": ("List-Unsubscribe", "<http://x.example/u>"),
    "50 no Date": ("Date", "NaN"),
    "50 a Date of the year 10000": ("Date", "Fri, 09 Nov 10000 01:08:47 -0000"),
    "51 an address list in Reply-To": ("Reply-To", "a@b.example\r\nX: y"),
}
FILES = {
    "91 a folder": file("../../etc/passwd"),
    "91 CRLF": file("a\r\nX: y.pdf"),
    "91 NUL": file("a\0.pdf"),
    "91 read backwards": file("a\u202efdp.exe"),
    "91 a long name": file("a" * 500),
    "92 CRLF in a type": file("a.html", b"x", "text/html\r\nX: y"),
    "94 too big": file("a.pdf", b"x" * 10**6),
    "69 half a character": message(body="a\ud800b"),
}


def stored() -> dict[Any, int]:
    return dict(runtime().store.counts("mail"))


@pytest.mark.parametrize("backend", ["EmailBackend", "SMTPBackend"])
@pytest.mark.parametrize("text", ADDRESSES.values(), ids=ADDRESSES)
def test_bad_addresses_are_refused_with_nothing_stored(works: Plant, text: str, backend: str) -> None:
    before = stored()
    for field in ("to", "cc", "bcc"):
        with pytest.raises(ValueError):  # noqa: PT011 - Django's own word, or ours
            connection(backend, fail_silently=True).send_messages([message(), message(**{field: [text]})])
    if backend == "EmailBackend":
        with pytest.raises(ValueError):  # noqa: PT011 - as above
            connection(fail_silently=True).send_messages([message(from_email=text)])
        assert stored() == before


@pytest.mark.parametrize("backend", ["EmailBackend", "SMTPBackend"])
@pytest.mark.parametrize(("name", "value"), HEADERS.values(), ids=HEADERS)
def test_bad_headers_are_refused_as_django_refuses_them(works: Plant, name: str, value: str, backend: str) -> None:
    before = stored()
    with pytest.raises(BadHeaderError):
        connection(backend, fail_silently=True).send_messages([header(name, value)])
    assert stored() == before


@pytest.mark.parametrize("subject", ["a\r\nBcc: x@y.example", "a\n", "a\0", "a\u2028b"])
def test_a_subject_of_several_lines_is_refused_as_django_refuses_it(works: Plant, subject: str) -> None:
    with pytest.raises(BadHeaderError):
        connection().send_messages([message(subject=subject)])


def test_what_looks_like_an_encoded_line_end_stays_what_it_is(works: Plant) -> None:
    made = message(subject="=?UTF-8?Q?=0A?=Bcc: x")
    connection("SMTPBackend").send_messages([made])
    assert list(works.server.mailbox)[-1].message["Subject"] == "=?UTF-8?Q?=0A?=Bcc: x"


@pytest.mark.parametrize("made", FILES.values(), ids=FILES)
def test_bad_attachments_and_bodies_are_refused_with_nothing_stored(works: Plant, made: EmailMessage) -> None:
    before = stored()
    with pytest.raises(ValueError):  # noqa: PT011 - Django's own word, or ours
        connection(fail_silently=True).send_messages([message(), made])
    assert stored() == before


@pytest.mark.parametrize("value", [None, 3, b"a@b.example", ["a@b.example"]], ids=str)
def test_an_address_that_is_no_text_is_refused(works: Plant, value: object) -> None:
    if value is None:
        assert connection().send_messages([to(value)]) == 0  # Django leaves empty ones out
        return
    with pytest.raises((ValueError, TypeError)):
        connection().send_messages([to(value)])


def test_15_a_character_whose_low_octet_is_a_line_end_stays_that_character(works: Plant) -> None:
    connection("SMTPBackend").send_messages([to("a@b\u760d\u760a.example")])
    (recipient,) = list(works.server.mailbox)[-1].recipients
    assert recipient.startswith("a@xn--")


def test_the_error_says_what_is_wrong_and_where_and_is_ours_as_well(works: Plant) -> None:
    with pytest.raises(InvalidAddress, match=r"'a b@c\.example'"):
        connection().send_messages([to("a b@c.example")])
    with pytest.raises(InvalidMail, match="from_email for the envelope"):
        connection().send_messages([header("Return-Path", "<x@y.example>")])


# Options ------------------------------------------------------------------------------------------------------------


def test_options_that_nobody_knows_are_refused(works: Plant) -> None:
    refused = ImproperlyConfigured if MAILERS else TypeError
    for backend in ("EmailBackend", "SMTPBackend"):
        with pytest.raises(refused, match=r"'hots'.* known: "):
            connection(backend, hots="relay.example.com")


def test_another_relay_than_the_workers_is_refused_where_a_worker_sends(works: Plant) -> None:
    refused = ImproperlyConfigured if MAILERS else ValueError
    with pytest.raises(refused, match="SMTPBackend sends without a worker"):
        connection(host="elsewhere.example.com")
    with pytest.raises(refused, match="exclude each other"):
        connection("SMTPBackend", host="elsewhere.example.com", use_tls=True, use_ssl=True)
    with pytest.raises(refused, match="port"):
        connection("SMTPBackend", host="elsewhere.example.com", port=70000)


# What is away -------------------------------------------------------------------------------------------------------


@pytest.fixture
def nobody_there(works: Plant) -> Iterator[str]:
    """Where nobody listens; a URL of it."""
    with held_ports(1) as (port,):
        yield f"redis://127.0.0.1:{port}/0"
    gate.suspect()
    works.use()


def use(**environ: str) -> None:
    gate.suspect()
    use_settings(Settings.load(environ))


def check_told(works: Plant, what: str, url: str) -> None:
    urls = {"NOTIFIER_BROKER_URL": works.valkey.url, "NOTIFIER_STORE_URL": works.valkey.url}
    use(**{**urls, f"NOTIFIER_{what.upper()}_URL": url})
    with default_mailer(), pytest.raises(smtplib.SMTPException) as caught:
        mail.send_mail("S", "C", "from@example.com", ["to@example.com"])
    assert isinstance(caught.value.__cause__, BrokerUnavailable if what == "broker" else StoreUnavailable)


@pytest.mark.parametrize("what", ["broker", "store"])
def test_a_broker_or_store_that_is_down_is_told(works: Plant, nobody_there: str, what: str) -> None:
    check_told(works, what, nobody_there)
    assert connection(fail_silently=True).send_messages([message()]) == 0


@pytest.mark.parametrize("what", ["broker", "store"])
def test_a_broker_or_store_that_is_silent_is_told_in_time(works: Plant, nobody_there: str, what: str) -> None:
    with half_open() as silent:
        check_told(works, what, f"redis://{silent.address}/0")
        timeout = BROKER_TIMEOUT if what == "broker" else runtime().settings.store_timeout
        assert 0 < silent.tries() * timeout <= PROMISED
        assert connection(fail_silently=True).send_messages([message()]) == 0
        assert 0 < silent.tries() * timeout <= PROMISED


def test_a_relay_that_is_down_is_the_standard_modules_error(works: Plant, nobody_there: str) -> None:
    port = nobody_there.rpartition(":")[2].partition("/")[0]
    with pytest.raises(smtplib.SMTPException):
        connection("SMTPBackend", host="127.0.0.1", port=int(port)).send_messages([message()])
    assert connection("SMTPBackend", fail_silently=True, host="127.0.0.1", port=int(port)).open() is None
    assert (
        connection("SMTPBackend", fail_silently=True, host="127.0.0.1", port=int(port)).send_messages([message()]) == 0
    )


def test_settings_that_cannot_work_are_djangos_error(works: Plant, nobody_there: str) -> None:
    from notifier.tasks.runtime import configure

    configure(None)
    with (
        override_settings(NOTIFIER={"broker_url": "http://nonsense"}),
        pytest.raises(ImproperlyConfigured, match="BROKER"),
    ):
        connection().send_messages([message()])


def test_djangos_error_report_shows_no_password_of_the_settings(works: Plant, nobody_there: str) -> None:
    from notifier.tasks.runtime import configure

    configure(None)
    secret = {
        "broker_url": "redis://:hunter2@localhost/0",
        "smtp_url": "smtp://u:hunter2@localhost",
        "lease": "nonsense",
    }
    with override_settings(NOTIFIER=secret, DEBUG=False):
        try:
            connection().send_messages([message(body="hunter3")])
        except ImproperlyConfigured:
            frames = ExceptionReporter(None, *sys.exc_info(), is_email=True).get_traceback_frames()
    ours = [frame for frame in frames if "notifier" in frame["filename"] and frame["filename"] != __file__]
    assert {"backends.py", "runtime.py"} <= {Path(frame["filename"]).name for frame in ours}
    assert "hunter" not in repr([frame["vars"] for frame in ours])
