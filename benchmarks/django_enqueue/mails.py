"""Mails as Django applications send them."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from django.core.mail import EmailMessage, EmailMultiAlternatives

_TEXT = "Hello Zoë,\n\nyour order {n} is on its way. You find it here:\n\nhttps://shop.example/orders/{n}\n\n" + (
    "If anything is wrong with it, write to us: we answer within a day.\n" * 8
)
_ROW = '<tr><td style="padding:8px">A thing of many</td><td align="right">12,00 €</td></tr>\n'
_HTML = (
    "<html><body><p>Hello Zoë, your order {n} is on its way.</p>\n<table>\n" + _ROW * 40 + "</table></body></html>\n"
)
_FILE = bytes(range(256)) * 400


def text(n: int) -> EmailMessage:
    """A few lines."""
    return EmailMessage(f"Your order {n}", _TEXT.format(n=n), None, [f"zoe{n}@example.com"])


def both(n: int) -> EmailMessage:
    """Text and html, as most are."""
    message = EmailMultiAlternatives(f"Your order {n}", _TEXT.format(n=n), None, [f"zoe{n}@example.com"])
    message.attach_alternative(_HTML.format(n=n), "text/html")
    return message


def with_file(n: int) -> EmailMessage:
    """The same with a file of 100 KB, which is another one for each."""
    message = both(n)
    message.attach(f"invoice-{n}.pdf", _FILE + str(n).encode(), "application/pdf")
    return message


KINDS: Mapping[str, Callable[[int], EmailMessage]] = {
    "text": text,
    "text and html": both,
    "with a file of 100 KB": with_file,
}
