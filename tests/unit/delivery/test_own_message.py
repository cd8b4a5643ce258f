"""Message objects and octets of an application: who sends, who gets it, and what goes out."""

from __future__ import annotations

import base64
from email import message_from_bytes, policy
from email.header import Header
from email.message import EmailMessage, Message
from email.mime.multipart import MIMEMultipart
from email.mime.text import MIMEText
from email.parser import BytesParser
from mailbox import mboxMessage
from typing import Any

import pytest

from notifier.delivery.own_message import OwnMessage, read_own_message
from notifier.errors import InvalidAddress, InvalidHeader, InvalidMail, MailTooLarge
from notifier.model.address import Address

LIMIT = 100_000
OCTETS = (
    b"From: Zo\xc3\xab <zoe@example.com>, shop@example.com\r\nSender: post@example.com\r\nTo: a@x.example\r\n"
    b"CC: B <b@x.example>, a@x.example\r\nBcc: c@x.example\r\nMessage-ID: <own@example.com>\r\n\r\nbody\r\n"
)


def read(given: object, sender: Any = None, to: tuple[str, ...] | None = None) -> OwnMessage:
    return read_own_message(given, sender, None if to is None else tuple(map(Address.parse, to)), limit=LIMIT)


def paths(own: OwnMessage) -> list[str]:
    return [address.forward_path for address in own.recipients]


def built(**fields: str) -> EmailMessage:
    message = EmailMessage(policy=policy.SMTP)
    for name, value in {"From": "zoe@example.com", "To": "a@x.example", **fields}.items():
        message[name.replace("_", "-")] = value
    message.set_content("Grüße\n.dot\n")
    return message


def test_the_fields_say_who_sends_and_who_gets_it_and_bcc_is_not_to_be_seen() -> None:
    for given in (OCTETS, OCTETS.replace(b"\r\n", b"\n"), bytearray(OCTETS), base64.b64encode(OCTETS).decode()):
        own = read(given)
        assert paths(own) == ["a@x.example", "b@x.example", "a@x.example", "c@x.example"]
        assert own.reverse_path == "post@example.com"
        assert [address.addr_spec for address in own.senders] == [
            "zoe@example.com",
            "shop@example.com",
            "post@example.com",
        ]
        assert own.message_id == "<own@example.com>"
        assert own.data == OCTETS.replace(b"Bcc: c@x.example\r\n", b"")


def test_the_call_says_it_before_the_fields_do() -> None:
    own = read(OCTETS, Address.parse("bounces@bücher.example"), ("z@x.example",))
    assert (own.reverse_path, paths(own)) == ("bounces@xn--bcher-kva.example", ["z@x.example"])
    assert b"Bcc" not in own.data
    assert read(OCTETS, "").reverse_path == "", "the null sender of automatic replies"
    assert read(OCTETS, "").senders == read(OCTETS).authors


def test_whoever_resends_is_whom_the_envelope_is_about() -> None:
    resent = (
        b"Resent-From: me@example.com\r\nResent-To: you@x.example\r\nResent-Bcc: they@x.example\r\nResent-Date: x\r\n"
    )
    own = read(resent + OCTETS)
    assert (own.reverse_path, paths(own)) == ("me@example.com", ["you@x.example", "they@x.example"])
    assert b"they@" not in own.data
    with pytest.raises(InvalidMail, match="more than one 'Resent-'"):
        read(resent + resent + OCTETS)


@pytest.mark.parametrize("kind", ["new", "old", "multipart", "mailbox", "parsed"])
def test_message_objects_of_every_kind_say_what_they_said(kind: str) -> None:
    made: Message[Any, Any]
    if kind == "new":
        made = built(Subject="Grüße", Bcc="c@x.example")
        made.add_attachment(b"\x00\xff", maintype="application", subtype="pdf", filename="für.pdf")
    elif kind == "old":
        made = MIMEText("Grüße", "plain", "utf-8")
    elif kind == "multipart":
        made = MIMEMultipart("alternative")
        made.attach(MIMEText("Grüße", "plain", "utf-8"))
        made.attach(MIMEText("<p>", "html"))
    elif kind == "mailbox":
        made = mboxMessage(OCTETS)
    else:
        made = BytesParser().parsebytes(OCTETS)
    if "From" not in made:
        made["From"], made["To"], made["Subject"] = "zoe@example.com", "a@x.example", Header("Grüße", "utf-8")
    own = read(made)
    assert "c@x.example" not in own.data.decode("latin-1")
    again = message_from_bytes(own.data, policy=policy.default)
    before = message_from_bytes(made.as_bytes(), policy=policy.default)
    assert [part.get_content_type() for part in again.walk()] == [part.get_content_type() for part in before.walk()]
    assert again["Subject"] == before["Subject"]
    for one, other in zip(again.walk(), before.walk(), strict=True):
        ours, theirs = one.get_payload(decode=True), other.get_payload(decode=True)
        assert (ours or b"").replace(b"\r\n", b"\n") == (theirs or b"").replace(b"\r\n", b"\n")


def test_the_same_object_and_one_made_anew_are_the_same_octets_so_that_a_key_has_one_message() -> None:
    def made() -> EmailMessage:
        message = built()
        message.add_alternative("<p>Grüße", subtype="html")
        message.add_attachment(b"pdf", maintype="application", subtype="pdf", filename="a.pdf")
        return message

    message = made()
    before = [part.items() for part in message.walk()]
    octets = read(message).data
    assert octets == read(message).data == read(made()).data
    assert [part.items() for part in message.walk()] == before, "the application's own object is as it was"
    other = made()
    other.add_attachment(b"txt", maintype="application", subtype="pdf", filename="b.pdf")
    assert message_from_bytes(read(other).data).get_boundary() != message_from_bytes(octets).get_boundary()


def test_an_address_beyond_ascii_is_written_as_it_is() -> None:
    own = read(built(Cc="jörg@bücher.example"))
    assert paths(own) == ["a@x.example", "jörg@bücher.example"]
    assert "jörg@bücher.example".encode() in own.data


def test_from_at_the_start_of_a_line_is_not_mangled() -> None:
    message = built()
    message.set_content("From here\n")
    assert b"\r\nFrom here\r\n" in read(message).data


class Old(Message):  # type: ignore[type-arg]
    """As old programs make them: nothing is checked when a field is set."""


@pytest.mark.parametrize(
    "value", ["a\nBcc: all@x.example", "a\r\nBcc: x", "a\rBcc: x", "a\n", "a\n\nbody", "a\r\n\r\nbody"]
)
@pytest.mark.parametrize("inner", [False, True])
def test_a_line_end_in_a_field_begins_no_other(value: str, inner: bool) -> None:
    part = Old()
    part["Subject"] = value
    part.set_payload("x")
    message: Message[Any, Any] = part
    if inner:
        message = MIMEMultipart()
        message.attach(part)
    message["From"], message["To"] = "zoe@example.com", "a@x.example"
    with pytest.raises(InvalidHeader, match=r"'Subject' .* line end"):
        read(message)


@pytest.mark.parametrize("name", ["X\nBcc", "X Y", "X:", "", "Ü", "X\r\n\r\nbody"])
def test_a_name_brings_no_field_along(name: str) -> None:
    message = Old()
    message["From"], message["To"], message[name] = "zoe@example.com", "a@x.example", "all@x.example"
    with pytest.raises(InvalidHeader, match="a name is printable"):
        read(message)


def test_a_field_that_was_folded_by_its_program_stays() -> None:
    message = Old()
    message["From"], message["To"], message["Subject"] = "zoe@example.com", "a@x.example", "a\n\tb"
    assert b"Subject: a\r\n\tb\r\n" in read(message).data


@pytest.mark.parametrize(
    ("given", "error", "why"),
    [
        (7, InvalidMail, "not int"), (None, InvalidMail, "not NoneType"), ("From: a@x.example\n\nx", InvalidMail, "base64 text"),
        ({"From": "x"}, InvalidMail, "not dict"), (b"", InvalidHeader, "no From"), (b"x" * (LIMIT + 1), MailTooLarge, "100,000"),
        (OCTETS.replace(b"To: a@x.example\r\nCC: B <b@x.example>, a@x.example\r\nBcc: c@x.example\r\n", b""), InvalidAddress, "nobody"),
        (OCTETS.replace(b"a@x.example", b"a@[1.2.3.4]"), InvalidAddress, "literals"),
        (OCTETS.replace(b"To: a@x.example", b"To: undisclosed-recipients:;, x"), InvalidAddress, "no '@'"),
        (OCTETS.replace(b"Zo\xc3\xab <zoe@example.com>, shop@example.com", b"nobody:;"), InvalidHeader, "From"),
        (OCTETS.replace(b"\r\n\r\n", b"\r\nTo: d@x.example\r\n\r\n"), InvalidHeader, "2 fields To"),
        (OCTETS.replace(b"Zo\xc3\xab", b"Zo\xeb"), InvalidHeader, "UTF-8"),
    ],
    ids=lambda value: repr(value)[:40],
)  # fmt: skip
def test_what_cannot_be_sent_is_refused_with_its_reason(given: object, error: type[Exception], why: str) -> None:
    with pytest.raises(error, match=why):
        read(given)


def test_an_object_that_its_own_library_cannot_write_is_a_mail_that_is_wrong() -> None:
    message = built()
    message.set_payload(object())  # type: ignore[arg-type]
    with pytest.raises(InvalidMail, match="cannot be written or read"):
        read(message)
