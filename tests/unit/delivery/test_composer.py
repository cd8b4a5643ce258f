from __future__ import annotations

from collections.abc import Mapping
from email import message_from_bytes, policy
from email.message import EmailMessage
from typing import Any

import pytest
from store_conformance import an_email

from notifier.delivery.composer import Composer, message_id_of
from notifier.delivery.own_fields import OwnFields
from notifier.delivery.signatures import SigningKey
from notifier.delivery.unsubscribing import Unsubscribe
from notifier.model.address import Address
from notifier.model.content import Content
from notifier.model.email import Email
from notifier.model.secret import Secret

SENDER = Address.parse("Shop <shop@bücher.example>")


class Plain:
    def render(self, template: str, context: Mapping[str, Any], locale: str | None = None) -> Content:
        return Content("To the point", "Hello")


class NoBlobs:
    def get_blob(self, blob: str) -> bytes:
        raise AssertionError(blob)


@pytest.mark.parametrize("composed", [None, b"Subject: as before\r\n\r\n"])
def test_the_relay_is_given_the_mails_id_as_envid_so_that_a_dsn_names_it(composed: bytes | None) -> None:
    email = an_email()
    mail = Composer(Plain(), NoBlobs(), SENDER).compose(email, ("zoe@example.com",), composed)
    assert mail.envelope.parameters is not None
    assert mail.envelope.parameters.envid == email.id


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
