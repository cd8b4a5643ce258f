"""The tables, in Markdown."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from benchmarks.compose.mails import HTML_SIZE, IMAGE_SIZE, PDF_SIZE
from benchmarks.compose.rounds import Measured

_LEGEND = f"""\
Processor time (user and system) for one message, from its content to its octets, in one process; every mail is another one: names,
subject, total and a row of the table differ. *spread*: lowest and highest round. Before anything is timed, what each composer makes is
parsed by the standard library, and has to be the mail that went in. The typical mail has {HTML_SIZE:,} characters of html, a text, a subject that is
not ASCII and an inline image of {IMAGE_SIZE:,} octets; the PDF has {PDF_SIZE:,}. Promised: a typical mail in a thirtieth of `EmailMessage`'s time
and a twelfth of Django's, the PDF in a hundredth of `EmailMessage`'s, render and compose of a shipped template in a tenth."""


@dataclass(frozen=True, slots=True)
class Table:
    """A case, and to whose time the ratios are."""

    title: str
    found: Mapping[str, Measured]
    reference: str


def report(tables: Sequence[Table], rounds: int, machine: Sequence[str]) -> str:
    """The whole page."""
    parts = ["# Composing", "", f"Medians of {rounds} interleaved rounds.", _LEGEND]
    for table in tables:
        parts += ["", f"## {table.title}", "", *_lines(table)]
    return "\n".join([*parts, "", *(f"- {line}" for line in machine), ""])


def _lines(table: Table) -> Iterator[str]:
    yield f"| | µs a mail | spread | {table.reference} : it |"
    yield "|---|--:|--:|--:|"
    reference = table.found[table.reference]
    for name, one in table.found.items():
        spread = f"{1e6 * min(one.seconds):,.0f}–{1e6 * max(one.seconds):,.0f}"
        yield f"| {name} | {1e6 * one.median:,.0f} | {spread} | {reference.ratio(one):.1f} |"
