from __future__ import annotations

import base64
import hashlib
import re
from datetime import UTC, datetime

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import given
from hypothesis import strategies as st
from signing_keys import ed25519_key, pem_of, rsa_key, verified

from notifier.errors import InvalidHeader
from notifier.mime import Composition, compose
from notifier.mime.canonical import fields_of, relaxed_body_hash, relaxed_field
from notifier.mime.dkim import OVERSIGNED, selected, signatures
from notifier.mime.dkim_key import read_key
from notifier.model.address import Address
from notifier.model.content import Attachment, Content
from notifier.model.envelope import Envelope

KEYS = [rsa_key(), ed25519_key()]
WHEN = 1_700_000_000
MESSAGE = b"From: Zoe <zoe@example.com>\r\nTo: ann@example.org\r\nSubject: Hello\r\n\r\nHello  Ann \r\n\r\n"
ONE_CLICK = {
    "List-Unsubscribe": "<https://shop.example/u?t=1>",
    "List-Unsubscribe-Post": "List-Unsubscribe=One-Click",
}
WORDS = st.text(st.characters(exclude_categories=["Cc", "Cs", "Zl", "Zp"]), max_size=80)
TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=300)


def signed(message: bytes = MESSAGE, **more: int) -> bytes:
    return signatures([message], KEYS, signed_at=WHEN, **more) + message


def a_message(subject: str = "Hi", text: str = "Hello", **more: object) -> bytes:
    mail = compose(
        Composition(
            Content(subject, text, f"<p>{text}</p>"),
            to=[Address.parse("ann@example.org")],
            message_id="<1@example.com>",
            date=datetime.fromtimestamp(WHEN, UTC),
            envelope=Envelope("zoe@example.com", ("ann@example.org",)),
            **{"sender": Address.parse("Zoë <zoe@example.com>"), **more},  # type: ignore[arg-type]
        )
    )
    return mail.data


@given(WORDS, TEXTS)
def test_dkimpy_verifies_what_was_signed_with_either_algorithm(subject: str, text: str) -> None:
    assert verified(signed(a_message(subject, text)), KEYS) == [True, True]


def test_dkimpy_verifies_a_message_with_attachments_and_an_expiry() -> None:
    message = a_message(attachments=[Attachment("a.bin", "application/octet-stream", bytes(range(256)) * 400)])
    assert verified(signed(message, expires_at=4_000_000_000), KEYS) == [True, True]


def test_dkimpy_verifies_a_message_that_is_nothing_but_a_header() -> None:
    header = MESSAGE.partition(b"\r\n\r\n")[0] + b"\r\n"
    assert verified(signed(header), KEYS) == [True, True]


def test_a_signature_that_is_over_is_told_from_one_that_is_not() -> None:
    assert b" x=1700000060;" in signed(expires_at=WHEN + 60)
    assert verified(signed(expires_at=WHEN + 60), KEYS) == [False, False]


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (b"Hello  Ann", b"Hello Bob"),
        (b"Subject: Hello", b"Subject: Money"),
        (b"To: ann@", b"To: bob@"),
        (b"Subject: Hello\r\n", b""),
    ],
)
def test_what_was_changed_on_the_way_does_not_verify(before: bytes, after: bytes) -> None:
    assert verified(signed().replace(before, after), KEYS) == [False, False]


@pytest.mark.parametrize("name", OVERSIGNED)
def test_nobody_can_add_a_field_that_people_or_programs_read(name: str) -> None:
    added = f"{name}: mallory@example.net\r\n".encode()
    message = signed()
    assert verified(added + message, KEYS) == [False, False]
    assert verified(message.replace(b"\r\n\r\n", b"\r\n" + added + b"\r\n", 1), KEYS) == [False, False]


@pytest.mark.parametrize("added", [b"Received: from x\r\n by y\r\n", b"X-Spam: no\r\n", b"Return-Path: <>\r\n"])
def test_what_relays_add_does_no_harm(added: bytes) -> None:
    assert verified(added + signed(), KEYS) == [True, True]


@pytest.mark.parametrize("name", ["List-Unsubscribe", "List-Unsubscribe-Post"])
def test_both_fields_of_an_unsubscription_are_covered(name: str) -> None:
    message = signed(a_message(headers=ONE_CLICK))
    assert verified(message, KEYS) == [True, True]
    for listed in re.findall(r" h=([^;]*);", message.decode()):
        assert re.sub(r"\s", "", listed).split(":").count(name) == 2  # the one that is there, and none beside it
    taken_out = re.sub(rf"(?m)^{name}: .*\r\n".encode(), b"", message)
    assert taken_out != message
    assert verified(taken_out, KEYS) == [False, False]


def test_the_same_arguments_make_the_same_octets() -> None:
    assert signed() == signed()


@pytest.mark.parametrize(
    ("message", "words"),
    [(b"To: ann@example.org\r\n\r\n", "without From"), (b"From: zoe@example.com", "does not end")],
)
def test_what_is_no_whole_message_is_not_signed(message: bytes, words: str) -> None:
    with pytest.raises(InvalidHeader, match=words):
        signatures([message], KEYS, signed_at=WHEN)


def test_a_header_alone_is_signed_as_a_message_whose_body_is_empty() -> None:
    assert verified(signed(b"From: zoe@example.com\r\nSubject: x\r\n"), KEYS) == [True, True]


def test_a_header_in_utf_8_is_signed_as_it_is() -> None:
    message = a_message(sender=Address.parse("Zoë <zoë@example.com>"))
    assert not message.isascii()
    assert verified(signed(message), KEYS) == [True, True]


def test_the_field_is_folded() -> None:
    lines = signatures([a_message(headers=ONE_CLICK)], KEYS, signed_at=WHEN, expires_at=WHEN + 1).split(b"\r\n")
    assert max(map(len, lines)) <= 78
    assert lines.pop() == b""
    assert all(line.startswith((b"DKIM-Signature: v=1; ", b" ")) and line.strip() for line in lines)


def test_a_long_domain_has_a_line_of_its_own() -> None:
    keys = [ed25519_key(f"{'a' * 60}.{'b' * 60}.example.com")]
    message = signatures([MESSAGE], keys, signed_at=WHEN) + MESSAGE
    assert verified(message, keys) == [True]


def test_where_a_message_is_cut_makes_no_difference() -> None:
    whole = signatures([MESSAGE], KEYS, signed_at=WHEN)
    for cut in range(len(MESSAGE)):
        assert signatures([MESSAGE[:cut], MESSAGE[cut:]], KEYS[1:], signed_at=WHEN) in whole


# The vector of RFC 8463 appendix A: its secret, its message, and the signature that it comes to.
SEED = "nWGxne/9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A="
FIELDS = (
    b"From: Joe SixPack <joe@football.example.com>\r\n"
    b"To: Suzie Q <suzie@shopping.example.net>\r\n"
    b"Subject: Is dinner ready?\r\n"
    b"Date: Fri, 11 Jul 2003 21:00:37 -0700 (PDT)\r\n"
    b"Message-ID: <20030712040037.46341.5F8J@football.example.com>\r\n"
)
BODY = b"Hi.\r\n\r\nWe lost the game.  Are you hungry yet?\r\n\r\nJoe.\r\n"
OWN_FIELD = (
    b"DKIM-Signature: v=1; a=ed25519-sha256; c=relaxed/relaxed;\r\n"
    b" d=football.example.com; i=@football.example.com;\r\n"
    b" q=dns/txt; s=brisbane; t=1528637909; h=from : to :\r\n"
    b" subject : date : message-id : from : subject : date;\r\n"
    b" bh=2jUSOH9NhtVGCQWNr9BrIAPreKQjO6Sn7XIkfJVOzv8=;\r\n"
    b" b="
)
SIGNATURE = "/gCrinpcQOoIfuHNQIbq4pgh9kyIK3AQUdt9OdqQehSwhEIug4D11BusFa3bT3FY5OsU7ZbnKELq+eXdp1Q1Dw=="


def test_the_vector_of_rfc_8463_comes_out() -> None:
    private = Ed25519PrivateKey.from_private_bytes(base64.b64decode(SEED))
    key = read_key(pem_of(private), domain="football.example.com", selector="brisbane")
    assert key.record == "v=DKIM1; k=ed25519; p=11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo="
    assert base64.b64encode(relaxed_body_hash([BODY])).decode() == "2jUSOH9NhtVGCQWNr9BrIAPreKQjO6Sn7XIkfJVOzv8="
    names = ["from", "to", "subject", "date", "message-id", "from", "subject", "date"]
    covered = b"".join(relaxed_field(field) + b"\r\n" for field in selected(fields_of(FIELDS), names))
    signature = key.sign(hashlib.sha256(covered + relaxed_field(OWN_FIELD)).digest())
    assert base64.b64encode(signature).decode() == SIGNATURE
