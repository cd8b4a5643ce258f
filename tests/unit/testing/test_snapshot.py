"""A mail as a text that people compare."""

from __future__ import annotations

import hashlib
from email.message import EmailMessage

import pytest

from notifier.testing.snapshot import difference, snapshot_of


def order() -> EmailMessage:
    mail = EmailMessage()
    mail["To"] = "Zoë <zoe@example.com>"
    mail["Subject"] = "Größe"
    mail["Date"] = "Mon, 1 Jan 2024 00:00:00 +0000"
    mail["Message-ID"] = "<1@example.com>"
    mail.set_content("Grüße\n")
    mail.add_alternative("<p>Grüße</p>\n", subtype="html")
    mail.add_attachment(b"%PDF", maintype="application", subtype="pdf", filename="Rechnung.pdf")
    return mail


def test_fields_and_texts_are_decoded_and_files_are_named_by_their_digest() -> None:
    assert snapshot_of(order()).splitlines() == [
        "Subject: Größe",
        "To: Zoë <zoe@example.com>",
        "",
        "--- text/plain",
        "Grüße",
        "",
        "--- text/html",
        "<p>Grüße</p>",
        "",
        "--- application/pdf Rechnung.pdf",
        f"4 octets, sha256 {hashlib.sha256(b'%PDF').hexdigest()}",
    ]


def test_boundaries_dates_and_ids_make_no_difference() -> None:
    one, other = order(), order()
    other.replace_header("Date", "Tue, 2 Jan 2024 00:00:00 +0000")
    other.replace_header("Message-ID", "<2@example.com>")
    assert snapshot_of(one) == snapshot_of(other)


def test_another_file_of_the_same_size_is_a_difference() -> None:
    one, other = order(), order()
    next(other.iter_attachments()).set_content(b"%PDE", maintype="application", subtype="pdf", filename="Rechnung.pdf")
    changed = difference(snapshot_of(one), snapshot_of(other), "order.txt").splitlines()
    assert [line[:1] for line in changed if "sha256" in line] == ["-", "+"]


def test_what_differs_each_time_is_replaced() -> None:
    assert snapshot_of(b"Subject: Code 4711\n\nx\n", {r"\d{4}": "<code>"}).startswith("Subject: Code <code>")


def test_the_octets_of_a_mail_will_do() -> None:
    assert snapshot_of(order().as_bytes()) == snapshot_of(order())


@pytest.mark.parametrize("odd", ["Subject: x\n\n", None, object()], ids=["text", "none", "object"])
def test_what_is_no_mail_is_said_to_be_none(odd: object) -> None:
    with pytest.raises(TypeError, match="a mail is a CaughtMail, "):
        snapshot_of(odd)  # type: ignore[arg-type]  # on purpose
