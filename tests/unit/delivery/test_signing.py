from __future__ import annotations

import re
import tracemalloc

import pytest
from signing_keys import ed25519_key, rsa_key, verified
from store_conformance import an_email

from notifier.delivery.composer import Composer
from notifier.delivery.signing import Signer
from notifier.model.address import Address
from notifier.model.content import Content
from notifier.model.email import Email
from notifier.model.envelope import Envelope, MailObject

SHOP = Address.parse("shop@shop.example")
KEYS = [rsa_key("shop.example"), ed25519_key("shop.example"), ed25519_key("news.shop.example")]


class Renders:
    def render(self, template: str, context: object, locale: str | None = None) -> Content:
        return Content("Hello", f"{template} {context} {locale}")


class NoBlobs:
    def get_blob(self, blob: str) -> bytes:
        raise AssertionError(blob)


def composed(email: Email, signer: Signer, before: bytes | None = None) -> bytes:
    return Composer(Renders(), NoBlobs(), SHOP, signer=signer).compose(email, ("zoe@example.com",), before).data


@pytest.mark.parametrize(
    ("domain", "selectors"),
    [
        ("shop.example", ["r1", "e1"]),
        ("SHOP.example", ["r1", "e1"]),
        ("mail.shop.example", ["r1", "e1"]),
        ("news.shop.example", ["e1"]),
        ("a.news.shop.example", ["e1"]),
        ("myshop.example", []),
        ("example", []),
        ("shop.example.net", []),
    ],
)
def test_the_domains_own_keys_sign_or_those_of_the_nearest_above(domain: str, selectors: list[str]) -> None:
    assert [key.selector for key in Signer(KEYS).keys_for(domain)] == selectors


def test_a_mail_is_signed_for_its_sender() -> None:
    data = composed(an_email(sender=Address.parse("zoe@news.shop.example")), Signer(KEYS))
    assert re.findall(rb" d=([^;]+);", data) == [b"news.shop.example"]
    assert verified(data, KEYS) == [True]


def test_a_mail_whose_sender_has_no_key_goes_unsigned() -> None:
    assert b"DKIM-Signature" not in composed(an_email(sender=Address.parse("zoe@other.example")), Signer(KEYS))


def test_every_attempt_signs_the_same_octets() -> None:
    email = an_email()
    assert composed(email, Signer(KEYS)) == composed(email, Signer(KEYS))
    assert f" t={int(email.created_at)};".encode() in composed(email, Signer(KEYS))


def test_what_an_earlier_attempt_has_composed_is_not_signed_again() -> None:
    assert composed(an_email(), Signer(KEYS), b"Subject: as before\r\n\r\n") == b"Subject: as before\r\n\r\n"


def test_a_signature_lasts_from_when_the_mail_may_be_sent() -> None:
    email = an_email(created_at=1_000.0, send_at=2_000.0)
    assert b" x=2500;" in composed(email, Signer(KEYS, lasts=500.0))
    assert b" x=" not in composed(email, Signer(KEYS))


def test_a_message_of_25_mb_is_signed_without_another_copy_of_it() -> None:
    data = b"From: shop@shop.example\r\n\r\n" + (b"YWJj" * 19 + b"\r\n") * 320_000
    mail = MailObject(Envelope("shop@shop.example", ("zoe@example.com",)), data)
    tracemalloc.start()
    try:
        signed = Signer(KEYS).signed(mail, an_email(), SHOP.ascii_domain)
        most = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert most < len(signed.data) + 2**20
