"""The mails: a shipped template, each with a recipient and a context of its own.

All that differs from mail to mail is its number, in eight digits wherever it stands. So two mails of one sender are the
same octets but for that number, Date, Message-ID and boundaries, whatever the sender, and every mail can be looked at.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from typing import Any

SENDER = "shop@origin.example"
NAMES = ("order_confirmation", "welcome")
TEMPLATE = os.environ.get("BENCHMARK_TEMPLATE", NAMES[0])
COPIES = "BENCHMARK_COPIES"  # of the template, in a folder of templates
# Peers' mails have it at a URL: django-celery-email loses the Content-ID of an image that comes along. So they send less.
IMAGE = "https://shop.example/logo.png"


def digits(number: int) -> str:
    """The number as it stands in the mail."""
    return f"{number:08d}"


def recipient(number: int) -> str:
    """Its address."""
    return f"zoe.{digits(number)}@destination.example"


def context(number: int) -> dict[str, Any]:
    """Its own."""
    return CONTEXTS[TEMPLATE](digits(number))


def _order(number: str) -> dict[str, Any]:
    return {
        "name": f"Zoë Ångström {number}",
        "order_number": f"M-{number}",
        "currency": "EUR",
        "total": "1348.40",
        "items": [
            {"name": f"Füllfederhalter «Ozean» {number}", "quantity": 2, "price": "598.00"},
            {"name": "Tinte, 50 ml, <blau>", "quantity": 12, "price": "144.40"},
            {"name": "Schreibunterlage", "quantity": 10, "price": "600.00"},
        ],
        "address": f"Storgatan {number}\n111 22 Stockholm\nSweden",
        "action_url": f"https://shop.example/orders/M-{number}",
    }


def _welcome(number: str) -> dict[str, Any]:
    return {"name": f"Zoe {number}", "action_url": f"https://shop.example/start?c={number}"}


CONTEXTS = {"order_confirmation": _order, "welcome": _welcome}


def calls(numbers: Sequence[int]) -> list[Mapping[str, Any]]:
    """What `send_bulk` takes of each."""
    return [{"to": recipient(number), "context": context(number)} for number in numbers]


def copy_of(copy: int) -> str:
    """The name of a copy of the template."""
    return f"{TEMPLATE}_{copy}"
