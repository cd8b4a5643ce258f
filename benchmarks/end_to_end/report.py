"""The page: what was aimed at, then each part's table."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from statistics import median

from benchmarks.end_to_end import cases, light
from benchmarks.end_to_end.drain import Measured
from benchmarks.end_to_end.found import CALLS, Found
from benchmarks.end_to_end.mails import TEMPLATE
from benchmarks.end_to_end.targets import Target, ratio, targets

TARGETS = ("work", "target", "found", "kept")
_HOW = f"""\
Real workers, `celery -A … worker -c 2` (prefork), a Valkey of their own for each run with `appendonly yes` and `appendfsync always`, ours with `durability=fsync`, which is
its default: a mail is on the disk before its call returns, and before its dot goes out. The same shipped template, `{TEMPLATE}`, with a context of its own for each mail.
The sink keeps every mail. The first is parsed, and has to say what the template says; of all others every octet but the mail's own number, Date, Message-ID and boundaries has
to be the same: one that is missing, doubled or other, and there is no figure. All processes share the machine's processors.

Peers render with Jinja2, one environment kept in each process, and leave the logo out, which ours takes along. **django-celery-email's callers render, not its worker**: what rendering
costs them stands under *who enqueues*, where our callers only check the context."""
_DRAINED = """\
All is enqueued first; then a worker starts, and is measured from a twentieth of it on until the end (ours: until the ledger calls every mail sent). *worker*: its processor time with its
children, user and system; *who enqueues*: the caller's; *Valkey*: the server's while the worker works. *rate : django-celery-email*: beside `send()` each for singles,
`send_messages()` for many. Whoever is slower has fewer mails: a rate does not depend on how many there are."""
_FAR = """\
The same with a proxy before the sink that makes a round trip take 100 ms, and eight children."""
_LIGHT = f"""\
{light.RATE} mails a second, each at its time; milliseconds from the call to the moment in which the relay has accepted the mail. The worst of all rounds stands last.
Before, the worker has sent {light.WARM} mails that nobody timed, and has come to rest: what a child does once is not among these."""
_ENQUEUING = f"""\
Processor time of the process that calls, in which blocks of all three alternate ({CALLS} calls each). A worker is at work meanwhile, on mails for a relay that is 100 ms away: no bell is needed. One mail is
checked, stored and on the disk when its call returns; the empty task is a message in the broker's list."""

_GROWTH = "Processor time of worker and Valkey together for a mail."


def report(found: Found, rounds: str, where: Sequence[str]) -> str:
    """The page."""
    parts = [part for title, text, lines in _parts(found) for part in ("", f"## {title}", "", text, "", *lines)]
    return "\n".join(
        (
            "# From the call to the relay's last word",
            *("", rounds, "", _HOW),
            *("", "## What was aimed at", "", *table(targets(found))),
            *parts,
            *("", *(f"- {line}" for line in where), ""),
        )
    )


def table(rows: Iterable[Target]) -> Iterator[str]:
    """Target, found, kept."""
    yield _row(TARGETS)
    yield "|---|---|--:|---|"
    for one in rows:
        yield _row((one.work, one.aim, one.found, {True: "yes", False: "**no**", None: "–"}[one.kept]))


def _parts(found: Found) -> Iterator[tuple[str, str, Iterable[str]]]:
    if found.drained:
        yield "Drained", f"{_DRAINED}\n\n![mails a second](drained.svg)", _drained(found.drained, _reference)
    if found.light:
        yield "Light load", _LIGHT, _light(found.light)
    if found.enqueuing:
        yield "Enqueueing", _ENQUEUING, _enqueuing(found)
    if found.far:
        yield "A relay 100 ms away", _FAR, _drained(found.far, lambda _: cases.FAR_KEPT)
    if found.held:
        yield "Memory", "Resident (VmRSS) of one worker, as mails go through it.", _memory(found)
    if found.start:
        yield "Start", "Imports: less what an interpreter takes that imports nothing.", _start(found.start)
    if found.growth:
        yield "Growth", f"{_GROWTH}\n\n![cost of a mail](growth.svg)", _growth(found)
    if found.encrypted:
        yield "STARTTLS", "One session that is kept, mails of 50 KB, one at a time.", _encrypted(found.encrypted)
    if found.trouble:
        yield "Without figures", "", (f"- {part}: {why}" for part, why in found.trouble.items())


def _reference(name: str) -> str:
    return cases.DJANGO_MANY if "send_bulk" in name or "send_messages" in name else cases.DJANGO_EACH


def _drained(measured: Mapping[str, Measured], reference: Callable[[str], str]) -> Iterator[str]:
    yield _row(
        (
            *("who", "mails", "a second", "spread", "worker, µs a mail", "spread"),
            *("who enqueues, µs", "Valkey, µs", f"rate : {reference('').split(',')[0]}"),
        )
    )
    yield f"|---{'|--:' * 8}|"
    for name, one in measured.items():
        if one.trouble is not None or not one.runs:
            yield _row((name, f"{one.case.count:,}", f"no figure: {one.trouble}".replace("|", "/"), *[""] * 6))
            continue
        against = ratio(one, measured[reference(name)], "rate")
        yield _row(
            (
                *(name, f"{one.case.count:,}", *_spread(one.all("rate")), *_spread(_micro(one.all("worker")))),
                *(f"{median(_micro(one.all(figure))):,.0f}" for figure in ("enqueuing", "store")),
                "–" if against is None else f"{against:.2f}",
            )
        )


def _light(found: Mapping[str, Sequence[Sequence[float]]]) -> Iterator[str]:
    yield _row(("who", "mails", "p50, ms", "spread", "p99, ms", "spread", "worst, ms"))
    yield f"|---{'|--:' * 6}|"
    for name, rounds in found.items():
        if rounds:
            p50, p99 = ([light.part(list(one), of) * 1000 for one in rounds] for of in (0.5, 0.99))
            worst = max(map(max, rounds)) * 1000
            count = sum(map(len, rounds))
            yield _row((name, f"{count:,}", *_spread(p50, ".1f"), *_spread(p99, ".1f"), f"{worst:.1f}"))


def _enqueuing(found: Found) -> Iterator[str]:
    yield _row(("call", "µs", "spread"))
    yield "|---|--:|--:|"
    for name, told in (
        ("one", "`send_email.delay()`"),
        ("task", "`delay()` of an empty task"),
        ("many", "`send_bulk`, each mail with an idempotency key"),
    ):
        yield _row((told, *_spread(_micro(seconds for each in found.enqueuing for seconds in getattr(each, name)))))


def _memory(found: Found) -> Iterator[str]:
    yield _row(("mails", "main process, MB", "its largest child, MB"))
    yield "|--:|--:|--:|"
    for one in found.held:
        yield _row((f"{one.mails:,}", f"{one.main / 1e6:.1f}", f"{one.child / 1e6:.1f}"))


def _start(found: Mapping[str, Sequence[float]]) -> Iterator[str]:
    yield _row(("what", "ms", "spread"))
    yield "|---|--:|--:|"
    for name, seconds in found.items():
        yield _row((name, *_spread([one * 1000 for one in seconds])))


def _growth(found: Found) -> Iterator[str]:
    yield _row(("of what", "how many", "µs a mail", "of the fewest"))
    yield "|---|--:|--:|--:|"
    for name, costs in found.growth.items():
        for count, seconds in costs.items():
            yield _row((name, f"{count:,}", f"{seconds * 1e6:,.0f}", f"{seconds / costs[min(costs)]:.2f}"))


def _encrypted(found: Sequence[tuple[float, float]]) -> Iterator[str]:
    yield _row(("session", "µs a mail", "spread"))
    yield "|---|--:|--:|"
    for name, seconds in zip(("STARTTLS", "without TLS"), zip(*found, strict=True), strict=True):
        yield _row((name, *_spread(_micro(seconds))))


def _micro(seconds: Iterable[float]) -> list[float]:
    return [1e6 * one for one in seconds]


def _spread(figures: Sequence[float], form: str = ",.0f") -> tuple[str, str]:
    return f"{median(figures):{form}}", f"{min(figures):{form}}–{max(figures):{form}}"


def _row(cells: Iterable[str]) -> str:
    return f"| {' | '.join(cells)} |"
