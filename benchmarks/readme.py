"""The table of figures in the README, out of the programs' own pages."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from benchmarks.pages import footer, row
from benchmarks.summary import PROGRAMS

README = Path(__file__).parent.parent / "README.md"
BEGIN, END = "<!-- figures, by `python -m benchmarks --page` -->", "<!-- end of the figures -->"
_PAGES = {program.name: program.page for program in PROGRAMS}
_DJANGO, _TASKS = "django-celery-email", "`smtplib` in a task, one kept by each process"


@dataclass(frozen=True, slots=True)
class Line:
    """``ours`` and ``peers``: where a row begins so, and which of those it is; ``columns`` go into the words of each."""

    what: str
    program: str
    ours: tuple[str, int]
    peers: tuple[str, int]
    columns: tuple[int, ...]
    words: tuple[str, str]

    def cells(self) -> Iterator[str]:
        """What it says of both. Raises `LookupError` where the page has no such row."""
        for (name, number), words in zip((self.ours, self.peers), self.words, strict=True):
            if (found := row(_PAGES[self.program], name, number=number)) is None:
                raise LookupError(f"{_PAGES[self.program]} has no row {name!r}")
            yield words.format(*(found[column] for column in self.columns))


_SMTP = ("{} mails a second", "`smtplib`: {}")
_DRAINED = ("{} a second, {} µs of the worker's processor each", f"{_DJANGO}, rendered by its caller: {{}}, {{}}")
LINES = (
    Line(
        "SMTP alone, one connection, loopback, DATA",
        "smtp",
        ("**Notifier**, DATA", 0),
        ("`smtplib`, one kept open", 0),
        (2,),
        _SMTP,
    ),
    Line(
        "the same to a relay 20 ms away, 128 mails in flight",
        "smtp",
        ("**Notifier**, window of 128", 1),
        ("`smtplib`, one kept open", 1),
        (1,),
        _SMTP,
    ),
    Line(
        "`send_bulk`, rendered in the worker, window=50",
        "end_to_end",
        ("**Notifier**, `send_bulk`, CHUNKING, window=50", 0),
        (f"{_DJANGO}, one `send_messages()`", 0),
        (2, 4),
        _DRAINED,
    ),
    Line(
        "`send_email.delay()` each",
        "end_to_end",
        ("**Notifier**, `send_email.delay()` each, DATA", 0),
        (f"{_DJANGO}, `send()` each", 0),
        (2, 4),
        _DRAINED,
    ),
    Line(
        "`send_bulk` to a relay 100 ms away, 8 children, window=50",
        "end_to_end",
        ("**Notifier**, CHUNKING, window=50", 0),
        (_TASKS, 1),
        (2,),
        ("{} a second", "`smtplib` in tasks: {}"),
    ),
    Line(
        "20 mails a second, from the call to the relay's yes: p50, p99",
        "end_to_end",
        ("**Notifier**, `send_email.delay()`", 0),
        (f"{_DJANGO}, `send()`", 0),
        (2, 4),
        ("{}, {} ms", f"{_DJANGO}: {{}}, {{}} ms"),
    ),
)


def figures() -> str:
    """The table, with the machine and the day."""
    said = [footer(_PAGES[name]) for name in sorted({line.program for line in LINES})]
    days = " and ".join(sorted({one["date"].partition(" ")[0] for one in said}))
    foot = (
        f"Measured on {days}, {said[0]['machine']}, all on one machine. Of the last four rows each mail of ours was on the store's disk before its call returned, "
        "and its dot was on record before it was sent. What was aimed at and missed stands on the page too."
    )
    table = (f"| {' | '.join((line.what, *line.cells()))} |" for line in LINES)
    return "\n".join(("| | Notifier | beside it |", "|---|--:|--:|", *table, "", foot))


def write() -> None:
    """Put it where it stands. Raises `LookupError` where a page has no such row, or the README no place for it."""
    before, place, rest = README.read_text().partition(BEGIN)
    if not place:
        raise LookupError(f"{README.name} has no line {BEGIN}")
    README.write_text(f"{before}{BEGIN}\n{figures()}\n{END}{rest.partition(END)[2]}")
