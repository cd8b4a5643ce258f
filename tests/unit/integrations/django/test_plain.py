"""What our composer makes of ordinary messages says what Django's would; everything else is left to Django."""

from __future__ import annotations

from collections.abc import Callable
from email import message_from_bytes, policy
from email.utils import formataddr
from typing import Any

import django
import pytest
from django.core.mail import EmailMessage, EmailMultiAlternatives
from django.test.utils import override_settings
from django_mail import shape
from hypothesis import given
from hypothesis import strategies as st

from notifier.integrations.django.composing import octets_of
from notifier.integrations.django.plain import plain

TEXTS = st.text(st.characters(exclude_categories=("Cs", "Cc")) | st.sampled_from("\n\t .=-"), max_size=300)
LINES = st.text(st.characters(exclude_categories=("Cs", "Cc", "Zl", "Zp")), min_size=1, max_size=120)
NAMES = st.text(st.sampled_from("abcüß日-_. ()"), min_size=1, max_size=40).map(lambda name: f"{name}x")
FILES = st.tuples(NAMES, st.binary(max_size=300), st.sampled_from(["application/pdf", "image/png", "audio/x-wav"]))


def simple(**changes: Any) -> EmailMultiAlternatives:
    made = EmailMultiAlternatives("Subject", "Text\n", "Büro <from@example.com>", ["Zoë <to@example.com>"])
    for name, value in changes.items():
        setattr(made, name, value)
    return made


def ours(message: EmailMessage) -> bytes:
    own = plain(message)
    assert own is not None
    return own.data


def fields(octets: bytes) -> dict[str, str]:
    found = message_from_bytes(octets, policy=policy.default)
    left = ("date", "message-id", "content-type", "content-transfer-encoding")
    return {name.lower(): " ".join(str(value).split()) for name, value in found.items() if name.lower() not in left}


@given(
    TEXTS,
    st.lists(st.tuples(TEXTS, st.sampled_from(["text/html", "text/calendar"])), max_size=2),
    st.lists(FILES, max_size=2),
)
def test_texts_and_files_are_the_same(body: str, alternatives: list[tuple[str, str]], files: list[Any]) -> None:
    message = simple(body=body)
    for content, mimetype in alternatives:
        message.attach_alternative(content, mimetype)
    for file in files:
        message.attach(*file)
    octets = ours(message)
    assert shape(octets) == shape(octets_of(message))
    assert octets.isascii()
    assert max(map(len, octets.split(b"\r\n"))) <= 998


@given(
    LINES.filter(str.strip), st.dictionaries(st.sampled_from(["X-Shop", "List-ID", "References"]), LINES, max_size=3)
)
def test_fields_are_the_same(subject: str, headers: dict[str, str]) -> None:
    message = simple(
        subject=subject.strip(), extra_headers={name: value.strip() or "x" for name, value in headers.items()}
    )
    message.cc, message.reply_to = ["c@example.com", "D <d@example.com>"], ["r@example.com"]
    own = plain(message)
    if own is not None:
        assert fields(own.data) == fields(octets_of(message))


def test_the_envelope_is_everybody_and_bcc_stands_in_no_field() -> None:
    own = plain(simple(cc=["c@example.com"], bcc=["b@example.com"]))
    assert own is not None
    assert [one.addr_spec for one in own.recipients] == ["to@example.com", "c@example.com", "b@example.com"]
    assert own.reverse_path == "from@example.com"
    assert b"b@example.com" not in own.data


@pytest.mark.parametrize("number", [1, 2])
def test_two_messages_have_two_boundaries(number: int) -> None:
    message = simple()
    message.attach_alternative("<p>html</p>", "text/html")
    assert ours(message) != ours(message)


class Mine(EmailMessage):
    """A subclass, which may do anything."""


STRANGE: dict[str, Callable[[], Any]] = {
    "a subclass": lambda: Mine("S", "C", "a@b.example", ["c@d.example"]),
    "another charset": lambda: simple(encoding="iso-8859-1"),
    "another kind of body": lambda: simple(content_subtype="x-odd"),
    "a body of octets": lambda: simple(body=b"octets"),
    "a body that was taken away": lambda: simple(body=None),
    "a name that is encoded already": lambda: simple(to=[formataddr(("Zoë", "to@example.com"))]),
    "a sender whose name is encoded already": lambda: simple(from_email=formataddr(("Büro", "from@example.com"))),
    "an attribute of one's own": lambda: simple(mixed_subtype="related"),
    "a From by hand": lambda: simple(extra_headers={"From": "x@y.example"}),
    "a Date by hand": lambda: simple(extra_headers={"date": "Fri, 09 Nov 2001 01:08:47 -0000"}),
    "a Resent- field": lambda: simple(extra_headers={"Resent-From": "x@y.example"}),
    "a value that is no text": lambda: simple(extra_headers={"X-A": 3}),
    "a line end in a value": lambda: simple(extra_headers={"X-A": "a\nb"}),
    "a line end in the subject": lambda: simple(subject="a\nb"),
    "an attachment of text": lambda: attached("a.txt", "text", "text/plain"),
    "an attachment without a name": lambda: attached(None, b"x", "application/pdf"),
    "an attached message": lambda: attached("a.eml", b"From: a@b.example\n\nx", "message/rfc822"),
    "an alternative of octets": lambda: alternative(b"<p>", "text/html"),
    "an alternative that is no text": lambda: alternative("x", "application/json"),
    "an address that is none": lambda: simple(to=["a b@c.example"]),
    "a local part beyond ASCII": lambda: simple(to=["ü@c.example"]),
}


def attached(*file: Any) -> EmailMessage:
    message = simple()
    message.attach(*file)
    return message


def alternative(*given: Any) -> EmailMessage:
    message = simple()
    message.attach_alternative(*given)
    return message


@pytest.mark.parametrize("made", STRANGE.values(), ids=STRANGE)
def test_what_is_not_ordinary_is_left_to_django(made: Callable[[], Any]) -> None:
    assert plain(made()) is None


def test_settings_that_change_what_django_writes_leave_it_to_django() -> None:
    with override_settings(EMAIL_USE_LOCALTIME=True):
        assert plain(simple()) is None
    with override_settings(DEFAULT_CHARSET="iso-8859-1"):
        assert plain(simple()) is None


def test_what_every_message_has_is_known() -> None:
    """A version of Django with another attribute would leave every message to Django, and nobody would notice."""
    assert plain(EmailMessage("S", "C", "a@b.example", ["c@d.example"])) is not None, django.VERSION
