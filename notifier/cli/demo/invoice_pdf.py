"""An invoice as a PDF, made by fpdf2. Its core fonts know Latin letters only, hence the order's ``billing_name``."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

from fpdf import FPDF

if TYPE_CHECKING:
    from notifier.cli.demo.orders import Order

BLUE = (29, 78, 216)
QUIET = (75, 85, 99)
_TYPOGRAPHIC = str.maketrans({"“": '"', "”": '"', "’": "'", "–": "-"})


def invoice_pdf(order: Order) -> bytes:
    """The same octets for the same order, so that an idempotency key recognises it."""
    pdf = FPDF(format="A4")
    pdf.set_creation_date(datetime(order.date.year, order.date.month, order.date.day, tzinfo=UTC))
    pdf.set_title(f"Invoice {order.number}")
    pdf.set_margin(22)
    pdf.add_page()
    _head(pdf, order)
    _table(pdf, order)
    _foot(pdf, order)
    return bytes(pdf.output())


def _latin(text: str) -> str:
    return text.translate(_TYPOGRAPHIC).encode("latin-1", "replace").decode("latin-1")


def _write(pdf: FPDF, text: str, *, size: int, style: str = "", colour: tuple[int, int, int] = (0, 0, 0)) -> None:
    pdf.set_font("Helvetica", style, size)
    pdf.set_text_color(*colour)
    pdf.cell(0, size * 0.55, _latin(text), new_x="LMARGIN", new_y="NEXT")


def _head(pdf: FPDF, order: Order) -> None:
    pdf.set_fill_color(*BLUE)
    pdf.rect(0, 0, 210, 6, style="F")
    pdf.ln(8)
    _write(pdf, "Meridian Paper Goods", size=11, colour=QUIET)
    _write(pdf, f"Invoice {order.number}", size=24, style="B")
    pdf.ln(6)
    _write(pdf, order.billing_name, size=11)
    _write(pdf, order.country, size=11, colour=QUIET)
    pdf.ln(6)
    _write(pdf, f"For {order.month}, issued {order.date:%d %B %Y}", size=11)
    pdf.ln(4)


def _table(pdf: FPDF, order: Order) -> None:
    pdf.set_font("Helvetica", "", 11)
    pdf.set_text_color(0, 0, 0)
    with pdf.table(col_widths=(100, 20, 46), text_align=("LEFT", "RIGHT", "RIGHT"), line_height=8) as table:
        table.row(("Service", "Qty", f"Price ({order.currency})"))
        for item in order.items:
            table.row((_latin(item.name), str(item.quantity), f"{float(item.price):,.2f}"))
        table.row(("Total", "", f"{float(order.total):,.2f}"))


def _foot(pdf: FPDF, order: Order) -> None:
    pdf.ln(6)
    _write(pdf, f"Please pay by {order.due:%d %B %Y}.", size=11, style="B")
    _write(pdf, "This is a made-up invoice of a made-up shop.", size=9, colour=QUIET)
