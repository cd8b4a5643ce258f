"""The mails of a run: a kilobyte of context each, of letters that hardly compress."""

from __future__ import annotations

import random
import string
import time
from collections.abc import Iterator, Mapping
from typing import Any

from notifier.model.address import Address
from notifier.model.content import Content
from notifier.model.email import Email
from notifier.model.ids import new_mail_id

QUEUE = "mail"
PREFIX = f"notifier:{{{QUEUE}}}:"  # of its keys in the store
CONTEXT = 1000  # octets of text
TEMPLATE = "welcome"  # one that is shipped
SENDER = Address.parse("orders@origin.example")
REPLY = "250 2.0.0 Ok: queued as 4F5B2C1D3E"  # as a common relay says it
RELAY = "relay.destination.example:587"
_LETTERS = string.ascii_letters + string.digits + "     "


def mails(count: int, **more: Any) -> Iterator[Email]:
    """Each with another text, to another recipient. ``keyed``: with an idempotency key of its own."""
    dice = random.Random(count)
    letters = "".join(dice.choices(_LETTERS, k=100 * CONTEXT))
    keyed = more.pop("keyed", False)
    for number in range(count):
        mail_id = new_mail_id()
        to = (Address.parse(f"customer-{number:06}@destination.example"),)
        begin = dice.randrange(len(letters) - CONTEXT)
        context = {"name": "Zoe", "text": letters[begin : begin + CONTEXT]}
        key = f"order-{number}-shipped" if keyed else mail_id
        yield Email(mail_id, TEMPLATE, to, context, key, time.time(), queue=QUEUE, **more)


class PlainTexts:
    """A renderer that costs next to nothing: it is the same on both sides of a difference."""

    def render(self, template: str, context: Mapping[str, Any], locale: str | None = None) -> Content:
        del template, locale
        return Content("Your order has been shipped", context["text"])
