from __future__ import annotations

from collections.abc import Mapping
from email import message_from_bytes, policy
from email.message import EmailMessage
from typing import Any

import pytest
from read_in_blocks import Read
from signing_keys import ed25519_key
from store_conformance import an_email

from notifier.delivery import composer as composing
from notifier.delivery.composer import Composer, message_id_of
from notifier.delivery.own_fields import OwnFields
from notifier.delivery.signatures import SigningKey
from notifier.delivery.signing import Signer
from notifier.delivery.unsubscribing import Unsubscribe
from notifier.model.address import Address
from notifier.model.content import Calendar, Content
from notifier.model.email import Email, MessageRef
from notifier.model.envelope import MailObject
from notifier.model.octets import Source, Streamed, whole
from notifier.model.secret import Secret
from notifier.protocol.transparency import check_line_ends, stuffed_blocks
from notifier.store import blob_name

SENDER = Address.parse("Shop <shop@bücher.example>")


class Plain:
    def render(self, template: str, context: Mapping[str, Any], locale: str | None = None) -> Content:
        return Content("To the point", "Hello")


class OneBlob:
    def __init__(self, data: bytes) -> None:
        self.data = data

    def get_blob(self, blob: str) -> bytes:
        assert blob == blob_name(self.data)
        return self.data


class NoTemplates:
    def render(self, template: str, context: Mapping[str, Any], locale: str | None = None) -> Content:
        raise AssertionError(template)


class NoBlobs:
    def get_blob(self, blob: str) -> bytes:
        raise AssertionError(blob)


@pytest.mark.parametrize("composed", [None, b"Subject: as before\r\n\r\n"])
def test_the_relay_is_given_the_mails_id_as_envid_so_that_a_dsn_names_it(composed: bytes | None) -> None:
    email = an_email()
    mail = Composer(Plain(), NoBlobs(), SENDER).compose(email, ("zoe@example.com",), composed)
    assert mail.envelope.parameters is not None
    assert mail.envelope.parameters.envid == email.id


def test_an_invitation_goes_along_as_an_alternative_and_as_a_file() -> None:
    email = an_email(calendar=Calendar("REQUEST", "BEGIN:VCALENDAR\r\nEND:VCALENDAR\r\n"))
    mail = Composer(Plain(), NoBlobs(), SENDER).compose(email, ("zoe@example.com",))
    assert b"Content-Type: text/calendar; method=REQUEST; charset=utf-8\r\n" in mail.data
    assert b"invite.ics" in mail.data


def own(data: bytes, reverse_path: str = "bounces@example.com", message_id: str | None = None) -> Email:
    ref = MessageRef(blob_name(data), len(data), reverse_path, message_id)
    return an_email(template="", context={}, sender=Address.parse("zoe@example.com"), message=ref)


def own_message(
    email: Email, data: bytes, *, earlier: bytes | None = None, reverse_path: str | None = None
) -> MailObject:
    composer = Composer(NoTemplates(), OneBlob(data), SENDER)
    return composer.compose(email, ("a@x.example",), earlier, reverse_path=reverse_path)


def test_a_message_of_the_applications_own_goes_out_as_it_is_but_for_what_is_missing() -> None:
    data = b"From: zoe@example.com\r\n\r\n.body \xff\r\n"
    email = own(data)
    mail = own_message(email, data)
    assert mail.data.endswith(data)
    assert mail.data.startswith(b"Date: ")
    assert f"Message-ID: <{email.id}@example.com>\r\n".encode() in mail.data
    assert (mail.smtputf8, mail.is_eight_bit) == (False, True)
    assert own_message(email, data) == mail, "every attempt says the same"
    assert own_message(email, data, earlier=mail.data) == mail


def test_evidence_is_looked_for_under_the_message_id_that_it_has() -> None:
    data = b"From: zoe@example.com\r\nDate: x\r\nMessage-ID: <own@example.com>\r\n\r\n"
    email = own(data, message_id="<own@example.com>")
    assert message_id_of(email, SENDER) == "<own@example.com>"
    assert own_message(email, data).data == data


def test_utf_8_in_its_header_asks_for_smtputf8() -> None:
    data = "From: zoe@example.com\r\nSubject: Grüße\r\n\r\n".encode()
    assert own_message(own(data), data).smtputf8


@pytest.mark.parametrize(
    ("given", "of_the_account", "path"),
    [
        ("bounces@example.com", None, "bounces@example.com"),
        ("bounces@example.com", "all@example.com", "all@example.com"),
        ("", None, ""),
        ("", "all@example.com", ""),
    ],
)
def test_an_accounts_reverse_path_goes_before_all_but_the_null_sender(
    given: str, of_the_account: str | None, path: str
) -> None:
    data = b"From: zoe@example.com\r\n\r\n"
    assert own_message(own(data, given), data, reverse_path=of_the_account).envelope.reverse_path == path


@pytest.mark.parametrize(
    ("sender", "domain"), [(None, "xn--bcher-kva.example"), (Address.parse("zoe@example.com"), "example.com")]
)
def test_the_message_id_that_others_are_asked_for_is_the_one_in_the_message(
    sender: Address | None, domain: str
) -> None:
    email = an_email(sender=sender)
    mail = Composer(Plain(), NoBlobs(), SENDER).compose(email, ("zoe@example.com",))
    assert message_id_of(email, SENDER) == f"<{email.id}@{domain}>"
    assert f"Message-ID: <{email.id}@{domain}>\r\n".encode() in mail.data


UNSUBSCRIBE = Unsubscribe("https://shop.example/u", [SigningKey("k", Secret("s" * 32))])


class Shows:
    """What the template is given, as its text."""

    def render(self, template: str, context: Mapping[str, Any], locale: str | None = None) -> Content:
        return Content("Hello", f"url {context.get('unsubscribe_url')}")


def composer(**more: Any) -> Composer:
    fields = OwnFields(**{"mailing_list": lambda email: f"default/{email.mail_class}", **more})
    return Composer(Shows(), NoBlobs(), SENDER, own_fields=fields)


def composed(email: Email, **more: Any) -> EmailMessage:
    data = composer(**more).compose(email, ("zoe@example.com",)).data
    return message_from_bytes(data, EmailMessage, policy=policy.default)


def test_a_mail_of_a_list_says_how_to_unsubscribe_in_its_header_and_to_its_template() -> None:
    message = composed(an_email(), unsubscribe=UNSUBSCRIBE)
    link = message["List-Unsubscribe"][1:-1]
    assert link.startswith("https://shop.example/u?t=k.")
    assert message["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    assert message.get_content().strip() == f"url {link}"


@pytest.mark.parametrize("more", [{"unsubscribe": None}, {"unsubscribe": UNSUBSCRIBE, "mailing_list": lambda _: None}])
def test_another_mail_says_nothing_of_it(more: dict[str, Any]) -> None:
    data = composer(**more).compose(an_email(), ("zoe@example.com",)).data
    assert b"List-Unsubscribe" not in data
    assert b"url None" in data


def test_an_applications_own_way_to_unsubscribe_is_left_alone() -> None:
    own = {"list-unsubscribe": "<mailto:leave@shop.example>"}
    message = composed(an_email(headers=own), unsubscribe=UNSUBSCRIBE)
    assert message.get_all("List-Unsubscribe") == ["<mailto:leave@shop.example>"]
    assert message["List-Unsubscribe-Post"] is None
    assert message.get_content().strip() == "url None"


def test_an_applications_own_unsubscribe_url_is_what_its_template_gets() -> None:
    message = composed(an_email(context={"unsubscribe_url": "https://own.example"}), unsubscribe=UNSUBSCRIBE)
    assert message.get_content().strip() == "url https://own.example"


def test_a_feedback_id_names_template_tenant_class_and_sender_unless_the_call_does() -> None:
    assert composed(an_email(), feedback_id="shop1")["Feedback-ID"] == "welcome:default:transactional:shop1"
    own = composed(an_email(headers={"feedback-id": "a:b:c:other"}), feedback_id="shop1")
    assert own.get_all("Feedback-ID") == ["a:b:c:other"]
    assert composed(an_email())["Feedback-ID"] is None


def test_every_mail_says_that_no_person_wrote_it() -> None:
    assert composed(an_email())["Auto-Submitted"] == "auto-generated"
    assert composed(an_email(headers={"auto-submitted": "auto-replied"})).get_all("Auto-Submitted") == ["auto-replied"]


def test_every_attempt_has_the_same_octets() -> None:
    """Message-ID, Date, boundaries, link: a relay that has one of two copies can tell that they are one mail."""
    email = an_email(headers={"X-Order": "7"})
    same = composer(unsubscribe=UNSUBSCRIBE)
    first, second = (same.compose(email, ("zoe@example.com",)).data for _ in range(2))
    assert first == second


OWN = b"From: Zo\xc3\xab <zoe@mail.example.com>\r\nSubject: x\r\n\r\nhello\r\n"


@pytest.mark.parametrize("brought", [b"", b"DKIM-Signature: v=1; d=elsewhere.example\r\n"])
def test_an_own_message_is_signed_by_the_key_of_its_author_unless_it_is_signed(brought: bytes) -> None:
    data = brought + OWN
    made = Composer(NoTemplates(), OneBlob(data), SENDER, Signer([ed25519_key()])).compose(own(data), ("a@x.example",))
    sent = whole(made.data)
    assert sent.count(b"DKIM-Signature:") == 1
    assert (b"d=example.com" in sent) == (not brought)
    assert sent.endswith(data)


class OneSource(OneBlob):
    def open_blob(self, blob: str) -> bytes | Source:
        assert blob == blob_name(self.data)
        return Read(self.data, 7)

    def get_blob(self, blob: str) -> bytes:
        raise AssertionError("it is never held whole")


@pytest.mark.parametrize("end", [b"", b"\r\n", b"\xff\r\n"])
@pytest.mark.parametrize("brought", [b"", b"Message-ID: <own@example.com>\r\nDate: x\r\nDKIM-Signature: v=1\r\n"])
def test_a_big_message_of_the_applications_own_goes_from_the_blobs_to_the_wire_as_a_small_one_does(
    monkeypatch: pytest.MonkeyPatch, brought: bytes, end: bytes
) -> None:
    data = brought + OWN + b".dot" + end

    def made(blobs: OneBlob) -> MailObject:
        composer = Composer(NoTemplates(), blobs, SENDER, Signer([ed25519_key()]))
        return composer.compose(email, ("a@x.example",))

    email = own(data)
    held = made(OneBlob(data))
    monkeypatch.setattr(composing, "STREAMED", 10)
    streamed = made(OneSource(data))
    assert isinstance(streamed.data, Streamed)
    assert whole(streamed.data) == held.data
    assert b"".join(stuffed_blocks(streamed.data)) == b"".join(stuffed_blocks(held.data))
    assert (streamed.smtputf8, streamed.is_eight_bit) == (held.smtputf8, held.is_eight_bit)


def test_one_that_is_no_lines_though_it_is_kept_is_held_and_never_sent(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(composing, "STREAMED", 10)
    data = OWN + b"\n.\r\n"
    made = Composer(NoTemplates(), OneSource(data), SENDER).compose(own(data), ("a@x.example",)).data
    assert isinstance(made, bytes)
    with pytest.raises(ValueError, match="bare CR or LF"):
        check_line_ends(made)
