from __future__ import annotations

from datetime import UTC, datetime

import pytest

from notifier.errors import InvalidHeader
from notifier.mime import Composition, check_headers, compose
from notifier.model.address import Address
from notifier.model.content import Content
from notifier.model.envelope import Envelope, MailObject
from notifier.model.octets import whole

ME = Address.parse("zoe@example.com")


def composed(headers: dict[str, str]) -> MailObject:
    return compose(
        Composition(
            Content("Hi", "hello"),
            sender=ME,
            to=[ME],
            message_id="<1@example.com>",
            date=datetime(2026, 11, 28, tzinfo=UTC),
            envelope=Envelope("zoe@example.com", ("zoe@example.com",)),
            headers=headers,
        )
    )


@pytest.mark.parametrize("value", ["auto-generated", "auto-replied", "Auto-Notified; owner-email=a@b.example"])
def test_a_mail_may_say_what_kind_of_automatic_it_is(value: str) -> None:
    check_headers({"auto-submitted": value})
    assert b"\r\nauto-submitted: %b\r\n" % value.encode() in whole(composed({"auto-submitted": value}).data)


@pytest.mark.parametrize("value", ["no", "No", " no ; x=y", "", "yes"])
def test_no_mail_says_that_a_person_wrote_it(value: str) -> None:
    with pytest.raises(InvalidHeader, match="Auto-Submitted"):
        check_headers({"Auto-Submitted": value})
