"""The mails: one that is typical, with a little that differs from mail to mail, and one with a PDF that all have."""

from __future__ import annotations

import random
from dataclasses import dataclass, field

SENDER = ("Papierhaus Zoë & Söhne", "shop@origin.example")
HTML_SIZE = 8 * 1024  # characters
IMAGE_SIZE = 10 * 1024  # octets
PDF_SIZE = 2**20
CONTENT_ID = "logo@origin.example"
_RANDOM = random.Random(5321)
IMAGE, PDF = _RANDOM.randbytes(IMAGE_SIZE), _RANDOM.randbytes(PDF_SIZE)
_ROW = (
    '<tr><td style="padding:10px 8px;border-bottom:1px solid #d1d5db">Füllfederhalter «Ozean», blau – Nr. {n}</td>'
    '<td align="right" style="padding:10px 8px;border-bottom:1px solid #d1d5db">{n},00 €</td></tr>\n'
)
_HEAD = (
    '<!doctype html>\n<html lang="de">\n<head><meta charset="utf-8"><title>Ihre Bestellung</title></head>\n<body>\n'
    f'<p><img src="cid:{CONTENT_ID}" alt="Papierhaus" width="96"></p>\n'
)
_TEXT = "vielen Dank für Ihre Bestellung. Wir schicken sie Ihnen morgen, und Sie haben sie in zwei Tagen.\n\n"


@dataclass(frozen=True, slots=True)
class Mail:
    """What every composer is given. ``to``: a name and an address."""

    number: int
    to: tuple[str, str]
    subject: str
    text: str
    html: str
    image: bytes | None = field(default=IMAGE, repr=False)
    pdf: bytes | None = field(default=None, repr=False)

    @property
    def message_id(self) -> str:
        """Without the brackets."""
        return f"{self.number:08d}@origin.example"


def typical(number: int) -> Mail:
    """8 KB of html, a text, a subject that is not ASCII, an image of 10 KB: name, number, a row and the total differ."""
    name = f"Zoë Ångström {number}"
    html = _HEAD + f"<h1>Guten Tag, {name}</h1>\n<p>Ihre Bestellung M-{number} ist da.</p>\n<table>\n"
    rows = (HTML_SIZE - len(html) - 120) // len(_ROW.format(n=10))
    html += _ROW.format(n=number) + "".join(_ROW.format(n=n) for n in range(10, 9 + rows))
    html += f"</table>\n<p><strong>Summe: {number},00 €</strong></p>\n<p>Bis bald im Papierhaus!</p>\n</body></html>\n"
    text = f"Guten Tag {name},\n\n" + _TEXT * 8 + f"Summe: {number},00 €\n"
    return Mail(
        number, (name, f"zoe.{number}@destination.example"), f"Ihre Bestellung M-{number} – danke, Zoë", text, html
    )


def with_pdf(number: int) -> Mail:
    """A short text and a PDF of 1 MB, the same in every mail."""
    mail = typical(number)
    return Mail(number, mail.to, mail.subject, mail.text, mail.html, None, PDF)
