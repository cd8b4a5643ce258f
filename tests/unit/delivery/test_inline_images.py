"""Images that a call brings along for the html part, under an URL that it knows before."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from email import message_from_bytes, policy
from email.message import EmailMessage
from typing import Any

import pytest

from notifier.delivery.attachments import read_attachment
from notifier.delivery.composer import Composer
from notifier.errors import InvalidAttachment
from notifier.model.address import Address
from notifier.model.content import Content, content_id_of
from notifier.model.email import AttachmentRef, Email
from notifier.model.octets import Source
from notifier.reports import ReportFile

PNG = b"\x89PNG\r\n\x1a\n and so on"
BLOB = hashlib.sha256(PNG).hexdigest()
CHART = AttachmentRef("chart.png", "image/png", BLOB, len(PNG), inline=True)
TABLE = AttachmentRef("table.csv", "text/csv", BLOB, len(PNG))


class Blobs:
    def get_blob(self, blob: str) -> bytes:
        assert blob == BLOB
        return PNG

    def open_blob(self, blob: str) -> bytes | Source:
        return self.get_blob(blob)


class Plain:
    """Renders what the context has in ``html``."""

    def render(self, template: str, context: Mapping[str, Any], locale: str | None = None) -> Content:
        return Content("Orders", "Orders", context.get("html"))


def composed(*refs: AttachmentRef, **context: Any) -> EmailMessage:
    zoe = Address.parse("zoe@example.com")
    email = Email("0190-1", "orders", (zoe,), context, "key", 0.0, attachments=refs)
    mail = Composer(Plain(), Blobs(), Address.parse("shop@example.com")).compose(email, (zoe.forward_path,))
    message = message_from_bytes(b"".join([bytes(mail.data)]), policy=policy.default)
    assert isinstance(message, EmailMessage)
    return message


def parts(message: EmailMessage) -> dict[str, tuple[str | None, str | None]]:
    named = (part for part in message.walk() if part.get_filename())
    return {str(part.get_filename()): (part.get_content_disposition(), part["Content-ID"]) for part in named}


def test_the_html_part_shows_it_under_the_url_that_the_call_knew() -> None:
    url = ReportFile("chart.png", "image/png", PNG, inline=True).url
    message = composed(CHART, TABLE, html=f'<img src="{url}">')
    assert url == f"cid:{content_id_of(BLOB)}"
    assert parts(message) == {
        "chart.png": ("inline", f"<{content_id_of(BLOB)}>"),
        "table.csv": ("attachment", None),
    }


def test_the_same_image_twice_is_one() -> None:
    message = composed(CHART, CHART, html="<p>")
    assert sum(part.get_content_disposition() == "inline" for part in message.walk()) == 1


def test_where_there_is_no_html_it_is_a_file_like_others() -> None:
    assert parts(composed(CHART)) == {"chart.png": ("attachment", None)}


def test_what_is_no_image_is_shown_by_nobody() -> None:
    with pytest.raises(InvalidAttachment, match="shows images, and text/html is none"):
        read_attachment({"filename": "x.html", "data": b"<p>", "inline": True}, limit=100, allow_paths=False)


def test_inline_is_yes_or_no() -> None:
    with pytest.raises(InvalidAttachment, match="True or False"):
        read_attachment({"filename": "x.png", "data": PNG, "inline": "yes"}, limit=100, allow_paths=False)


def test_a_mail_with_one_waits_for_a_worker_that_knows_it_and_others_do_not() -> None:
    zoe = Address.parse("zoe@example.com")
    plain = Email("0190-1", "orders", (zoe,), {}, "key", 0.0, attachments=(TABLE,))
    with_chart = Email("0190-1", "orders", (zoe,), {}, "key", 0.0, attachments=(TABLE, CHART))
    assert (plain.to_payload()["v"], with_chart.to_payload()["v"]) == (1, 3)
    assert Email.from_payload(with_chart.to_payload()) == with_chart
