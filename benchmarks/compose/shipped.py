"""A shipped template: rendered and composed by us as workers do, and by Jinja2, css-inline and `EmailMessage`, as programs do."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import css_inline

from benchmarks.compose.composers import DATE, email_message
from benchmarks.compose.jinja import rendered
from benchmarks.compose.mails import CONTENT_ID, SENDER, Mail
from notifier.mime import Composition, Compositor
from notifier.model.address import Address
from notifier.model.envelope import Envelope
from notifier.rendering import Renderer, TemplateLibrary, shipped_templates
from notifier.tasks.runtime import LOOK_EVERY

NAME = "order_confirmation"
RENDERER, _COMPOSITOR = Renderer(TemplateLibrary(look_every=LOOK_EVERY)), Compositor()
_IMAGE = (shipped_templates() / "_images" / "logo.png").read_bytes()
Order = Mapping[str, Any]


def order(number: int) -> Order:
    """The context of an order with three items."""
    return {
        "name": f"Zoë Ångström {number}",
        "order_number": f"M-{number}",
        "currency": "EUR",
        "total": f"{number}.40",
        "items": [
            {"name": f"Füllfederhalter «Ozean» {number}", "quantity": 2, "price": "598.00"},
            {"name": "Tinte, 50 ml, <blau>", "quantity": 12, "price": "144.40"},
            {"name": "Schreibunterlage", "quantity": 10, "price": "600.00"},
        ],
        "address": f"Storgatan {number}\n111 22 Stockholm\nSweden",
    }


def by_hand(context: Order) -> bytes:
    """One cached environment, the styles inlined in each mail."""
    subject, text, html = rendered(NAME, context, image=f"cid:{CONTENT_ID}")
    number = int(context["order_number"].removeprefix("M-"))
    to = (context["name"], f"zoe.{number}@destination.example")
    return email_message(Mail(number, to, subject, text, css_inline.inline(html), _IMAGE))


def ours(context: Order) -> bytes:
    """The renderer and the compositor of workers."""
    number = int(context["order_number"].removeprefix("M-"))
    path = f"zoe.{number}@destination.example"
    return _COMPOSITOR.compose(
        Composition(
            RENDERER.render(NAME, context),
            sender=_SENDER,
            to=[Address("zoe", path.partition("@")[2], context["name"])],
            message_id=f"<{number}@origin.example>",
            date=DATE,
            envelope=Envelope(SENDER[1], (path,)),
        )
    ).data


_SENDER = Address(*SENDER[1].split("@"), SENDER[0])
WAYS: Mapping[str, Callable[[Order], bytes]] = {
    "Jinja2, css-inline, `EmailMessage`": by_hand,
    "**Notifier**": ours,
}
