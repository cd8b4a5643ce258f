"""The tables, in Markdown."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from statistics import median

from benchmarks.compose.mails import HTML_SIZE, IMAGE_SIZE, PDF_SIZE
from benchmarks.compose.nodemailer import WARM
from benchmarks.compose.rounds import Measured

_LEGEND = f"""\
Processor time (user and system) for one message, from its content to its octets, in one process; every mail is another one: names,
subject, total and a row of the table differ. *spread*: lowest and highest round. Before anything is timed, what each composer makes is
parsed by the standard library, and has to be the mail that went in. The typical mail has {HTML_SIZE:,} characters of html, a text, a subject that is
not ASCII and an inline image of {IMAGE_SIZE:,} octets; the PDF has {PDF_SIZE:,}. Promised: a typical mail in a thirtieth of `EmailMessage`'s time
and a twelfth of Django's, the PDF in a hundredth of `EmailMessage`'s, render and compose of a shipped template in a tenth.
nodemailer has a Node process of its own, warm from {WARM:,} mails, which tells its own time."""

_MEMORY = """\
What the process had resident at the most of all moments (`VmHWM`) beyond what it had before (a small mail has gone the same way by then),
while a mail with the file was composed and sent over SMTP; each in a fresh process. The others read the file first: their composers take
octets. The server parses the mail, and the file has to come back."""


@dataclass(frozen=True, slots=True)
class Table:
    """A case, and to whose time the ratios are."""

    title: str
    found: Mapping[str, Measured]
    reference: str
    missing: Mapping[str, str] = field(default_factory=dict)

    def lines(self) -> Iterator[str]:
        """The rows, and why there are no others."""
        yield f"| | µs a mail | spread | {self.reference} : it |"
        yield "|---|--:|--:|--:|"
        reference = self.found[self.reference]
        for name, one in self.found.items():
            spread = f"{1e6 * min(one.seconds):,.0f}–{1e6 * max(one.seconds):,.0f}"
            yield f"| {name} | {1e6 * one.median:,.0f} | {spread} | {reference.ratio(one):.1f} |"
        for name, why in self.missing.items():
            yield f"| {name} | not here: {why} | | |"


@dataclass(frozen=True, slots=True)
class MemoryTable:
    """What each way holds of a file of ``size`` octets; ``why_not`` it was not measured."""

    size: int
    found: Mapping[str, Sequence[int]]
    why_not: str | None = None

    @property
    def title(self) -> str:
        """With the size."""
        return f"A file of {self.size / 2**20:,.0f} MiB, from the blob store's folder to the wire"

    def lines(self) -> Iterator[str]:
        """The rows, and what they count."""
        if self.why_not is not None:
            yield f"Not here: {self.why_not}."
            return
        yield _MEMORY
        yield from ("", "| | MiB | spread | of the file |", "|---|--:|--:|--:|")
        for way, octets in self.found.items():
            low, middle, high = (one / 2**20 for one in (min(octets), median(octets), max(octets)))
            yield f"| {way} | {middle:,.1f} | {low:,.1f}–{high:,.1f} | {middle * 2**20 / self.size:.2f} |"


def report(tables: Sequence[Table | MemoryTable], rounds: int, machine: Sequence[str]) -> str:
    """The whole page."""
    parts = ["# Composing", "", f"Medians of {rounds} interleaved rounds.", _LEGEND]
    for table in tables:
        parts += ["", f"## {table.title}", "", *table.lines()]
    return "\n".join([*parts, "", *(f"- {line}" for line in machine), ""])
