"""Bad headers, by their numbers in the list of bad inputs: refused at once, or laid out so that nobody reads them wrong."""

from __future__ import annotations

from datetime import UTC, datetime
from email import message_from_bytes, policy
from email.message import EmailMessage

import pytest

from notifier.errors import InvalidAddress, InvalidHeader
from notifier.mime import Composition, Compositor, check_headers, compose
from notifier.mime.headers import MAX_TOTAL
from notifier.model.address import Address
from notifier.model.content import Content
from notifier.model.envelope import Envelope
from notifier.model.octets import whole

pytestmark = pytest.mark.unit

ENVELOPE = Envelope("a@x.example", ("b@x.example",))


@pytest.fixture(params=[compose, Compositor().compose], ids=["plain", "compiled"])
def made(request: pytest.FixtureRequest):
    def make(subject: str = "Hi", **more: object) -> EmailMessage:
        arguments: dict[str, object] = {
            "sender": Address.parse("a@x.example"),
            "to": [Address.parse("b@x.example")],
            "message_id": "<1@x.example>",
            "date": datetime(2026, 11, 28, tzinfo=UTC),
            "envelope": ENVELOPE,
            **more,
        }
        mail = request.param(Composition(Content(subject, "x"), **arguments))
        assert mail.envelope == ENVELOPE
        lines = whole(mail.data).partition(b"\r\n\r\n")[0].split(b"\r\n")
        assert max(map(len, lines)) <= 78
        return message_from_bytes(whole(mail.data), EmailMessage, policy=policy.default)

    return make


@pytest.mark.parametrize("subject", ["Hi\r\nBcc: c@d.e", "Hi\nBcc: c@d.e", "Hi\n", "Hi\r", "\r\nHi"])
def test_bad_input_35_36_a_subject_with_a_line_end_is_refused(made, subject: str) -> None:
    with pytest.raises(InvalidHeader, match="Subject"):
        made(subject)


@pytest.mark.parametrize("char", ["\u2028", "\u2029", "\x85", "\x0b", "\x0c", "\x00", "\x1b", "\x7f"])
def test_bad_input_38_39_what_some_take_for_a_line_end_or_a_control_is_refused(made, char: str) -> None:
    for call in (
        lambda: made(f"a{char}b"),
        lambda: made(headers={"X-A": f"a{char}b"}),
        lambda: made(to=[Address("b", "x.example", f"a{char}b")]),
    ):
        with pytest.raises(InvalidHeader):
            call()


def test_bad_input_43_a_long_value_is_folded(made) -> None:
    value = " ".join(f"word{number}" for number in range(1_300))
    assert len(value) > 10_000
    assert made(headers={"X-Long": value})["X-Long"] == value


@pytest.mark.parametrize(
    "name",
    [
        'a "b" c',
        "Doe, Jane",
        "x <evil@y.example>",
        "back\\slash",
        'end"',
        "a@b",
        "(comment)",
        ";group:",
        "=?utf-8?q?x?=",
    ],
)
def test_bad_input_46_a_display_name_is_a_name_and_nothing_else(made, name: str) -> None:
    (mailbox,) = made(to=[Address("b", "x.example", name)])["To"].addresses
    assert (mailbox.display_name, mailbox.addr_spec) == (name, "b@x.example")


def test_bad_input_48_headers_without_end_are_refused() -> None:
    with pytest.raises(InvalidHeader, match="10000 headers"):
        check_headers({f"X-{number}": "x" for number in range(10_000)})
    with pytest.raises(InvalidHeader, match="characters in all"):
        check_headers({f"X-{number}": "x" * 15_000 for number in range(70)})
    check_headers({f"X-{number}": "x" * (MAX_TOTAL // 100 - 10) for number in range(99)})


@pytest.mark.parametrize(
    "text",
    ["a@b.example, d@e.example", "a@b.example\r\nBcc: c@d.example", "a@b.example\n", "A <a@b.example>, d@e.example"],
)
def test_bad_input_51_one_address_adds_no_other(text: str) -> None:
    with pytest.raises(InvalidAddress):
        Address.parse(text)
