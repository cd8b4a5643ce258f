from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest
from store_conformance import an_email

from notifier.delivery.composer import Composer, message_id_of
from notifier.model.address import Address
from notifier.model.content import Calendar, Content

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


def test_an_invitation_goes_along_as_an_alternative_and_as_a_file() -> None:
    email = an_email(calendar=Calendar("REQUEST", "BEGIN:VCALENDAR\r\nEND:VCALENDAR\r\n"))
    mail = Composer(Plain(), NoBlobs(), SENDER).compose(email, ("zoe@example.com",))
    assert b"Content-Type: text/calendar; method=REQUEST; charset=utf-8\r\n" in mail.data
    assert b"invite.ics" in mail.data


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
