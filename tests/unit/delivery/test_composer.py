from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest
from store_conformance import an_email

from notifier.delivery.composer import Composer, message_id_of
from notifier.model.address import Address
from notifier.model.content import Calendar, Content
from notifier.model.email import Email, MessageRef
from notifier.model.envelope import MailObject
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


def composed(email: Email, data: bytes, *, earlier: bytes | None = None, reverse_path: str | None = None) -> MailObject:
    composer = Composer(NoTemplates(), OneBlob(data), SENDER)
    return composer.compose(email, ("a@x.example",), earlier, reverse_path=reverse_path)


def test_a_message_of_the_applications_own_goes_out_as_it_is_but_for_what_is_missing() -> None:
    data = b"From: zoe@example.com\r\n\r\n.body \xff\r\n"
    email = own(data)
    mail = composed(email, data)
    assert mail.data.endswith(data)
    assert mail.data.startswith(b"Date: ")
    assert f"Message-ID: <{email.id}@example.com>\r\n".encode() in mail.data
    assert (mail.smtputf8, mail.is_eight_bit) == (False, True)
    assert composed(email, data) == mail, "every attempt says the same"
    assert composed(email, data, earlier=mail.data) == mail


def test_evidence_is_looked_for_under_the_message_id_that_it_has() -> None:
    data = b"From: zoe@example.com\r\nDate: x\r\nMessage-ID: <own@example.com>\r\n\r\n"
    email = own(data, message_id="<own@example.com>")
    assert message_id_of(email, SENDER) == "<own@example.com>"
    assert composed(email, data).data == data


def test_utf_8_in_its_header_asks_for_smtputf8() -> None:
    data = "From: zoe@example.com\r\nSubject: Grüße\r\n\r\n".encode()
    assert composed(own(data), data).smtputf8


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
    assert composed(own(data, given), data, reverse_path=of_the_account).envelope.reverse_path == path


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
