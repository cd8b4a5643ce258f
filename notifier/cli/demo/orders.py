"""The demo's input: a CSV file of customers and orders, and the mail that each row asks for."""

from __future__ import annotations

import base64
import csv
import datetime as dt
import json
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any

from notifier.cli.demo.invoice_pdf import invoice_pdf
from notifier.errors import InvalidMail

SHOP = "Meridian Paper Goods"
TEMPLATES = ("welcome", "order_confirmation", "invoice")


@dataclass(frozen=True, slots=True)
class Item:
    """One line of an order: the price is the line's, in the order's currency."""

    name: str
    quantity: int
    price: str


@dataclass(frozen=True, slots=True)
class Order:
    """One row of the file."""

    kind: str
    number: str
    name: str
    email: str
    locale: str
    billing_name: str
    street: str
    city: str
    country: str
    currency: str
    items: tuple[Item, ...]
    date: dt.date
    month: str

    @property
    def to(self) -> str:
        """Name and address as one would type them; the name in quotes, for some hold a comma."""
        escaped = self.name.replace("\\", "\\\\").replace('"', '\\"')
        return f'"{escaped}" <{self.email}>'

    @property
    def total(self) -> str:
        """The sum of the lines."""
        return str(sum((Decimal(item.price) for item in self.items), Decimal(0)))

    @property
    def address(self) -> str:
        """Where to send it."""
        return f"{self.street}\n{self.city}\n{self.country}"

    @property
    def due(self) -> dt.date:
        """When an invoice is to be paid."""
        return self.date + dt.timedelta(days=30)


def demo_file() -> Path:
    """The shipped file: in the package, or in the source tree beside it."""
    packaged = Path(__file__).parent / "mail_merge" / "orders.csv"
    return packaged if packaged.is_file() else Path(__file__).resolve().parents[3] / "examples/mail_merge/orders.csv"


def read_orders(path: Path) -> list[Order]:
    """Every row. Raises `InvalidMail` with the line of the first one that cannot be read."""
    with path.open(encoding="utf-8", newline="") as file:
        reader = csv.DictReader(file, strict=True)
        orders: list[Order] = []
        for row in reader:
            try:
                orders.append(_order(row))
            except (ValueError, KeyError, TypeError) as error:
                raise InvalidMail(f"{path.name}, line {reader.line_num}: {error}") from error
    return orders


def _order(row: dict[str, str]) -> Order:
    if row["kind"] not in TEMPLATES:
        raise ValueError(f"kind is one of {', '.join(TEMPLATES)}, not {row['kind']!r}")
    items = tuple(Item(**item) for item in json.loads(row["items"]))
    return Order(**{**row, "items": items, "date": dt.date.fromisoformat(row["date"])})  # type: ignore[arg-type]


def mail_of(order: Order) -> dict[str, Any]:
    """The arguments of `send_email` for a row."""
    build = {"welcome": _welcome, "order_confirmation": _confirmation, "invoice": _invoice}[order.kind]
    return {"template": order.kind, "to": order.to, "locale": order.locale, **build(order)}


def _lines(order: Order) -> list[dict[str, Any]]:
    return [{"name": item.name, "quantity": item.quantity, "price": item.price} for item in order.items]


def _welcome(order: Order) -> dict[str, Any]:
    url = f"https://shop.example/start?customer={order.number}"
    return {"context": {"name": order.name, "product": SHOP, "action_url": url}}


def _confirmation(order: Order) -> dict[str, Any]:
    context = {
        "name": order.name,
        "order_number": order.number,
        "items": _lines(order),
        "total": order.total,
        "currency": order.currency,
        "address": order.address,
    }
    return {"context": context}


def _invoice(order: Order) -> dict[str, Any]:
    context = {
        "name": order.name,
        "invoice_number": order.number,
        "month": order.month,
        "lines": _lines(order),
        "total": order.total,
        "currency": order.currency,
        "due_date": order.due.isoformat(),
    }
    pdf = {
        "filename": f"invoice-{order.number}.pdf",
        "content_type": "application/pdf",
        "data": base64.b64encode(invoice_pdf(order)).decode(),
    }
    return {"context": context, "attachments": [pdf]}
