"""Parts: a message that goes along is no encoded file, where it can be."""

from __future__ import annotations

from email import message_from_bytes, policy

import pytest

from notifier.mime.parts import attached_part
from notifier.model.content import Attachment

pytestmark = pytest.mark.unit

MESSAGE = b"From: a@x.example\r\nSubject: inside\r\n\r\nhello\r\n"


def attached(data: bytes, content_type: str = "message/rfc822") -> bytes:
    part = attached_part(Attachment("inside.eml", content_type, data))
    return part.header + b"\r\n" + part.body


def test_an_attached_message_stands_there_as_it_is() -> None:
    part = message_from_bytes(attached(MESSAGE), policy=policy.default)
    assert (part.get_content_type(), part["Content-Transfer-Encoding"]) == ("message/rfc822", "7bit")
    (inside,) = part.get_payload()
    assert inside.as_bytes(policy=policy.SMTP) == MESSAGE


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"Subject: \xc3\xbc\r\n\r\nhello\r\n",
        b"Subject: x\n\nhello\n",
        b"Subject: x\r\n\r\nno end",
        b"Subject: x\r\n\r\n" + b"x" * 999 + b"\r\n",
        b"Subject: x\r\n\r\na\rb\r\n",
        b"Subject: x\r\n\r\na\0b\r\n",
    ],
)
def test_a_message_that_would_not_arrive_as_it_is_goes_as_a_file(data: bytes) -> None:
    part = message_from_bytes(attached(data), policy=policy.default)
    assert (part.get_content_type(), part["Content-Transfer-Encoding"]) == ("application/octet-stream", "base64")
    assert part.get_payload(decode=True) == data
    assert part.get_filename() == "inside.eml"


def test_other_kinds_of_messages_are_files() -> None:
    part = message_from_bytes(attached(b"x\r\n", "message/partial"), policy=policy.default)
    assert part.get_content_type() == "application/octet-stream"
