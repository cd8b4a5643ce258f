"""The cases, and their tables in Markdown."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from statistics import median

from benchmarks.pool.rounds import ENOUGH, Case, Measured
from benchmarks.pool.stories import BATCH, SESSIONS, THREADS
from benchmarks.smtp.load import SIZE

CHECKOUT = Case("checkout")
CROWDS = {
    "loopback": Case("crowd"),
    "a round trip of 10 ms": Case("crowd", round_trip=0.010),
}
# Of each way to send: the relay that keeps connections, the one that leaves without a word, the one that says 421.
RELAYS = {
    "DATA": (Case("through"), Case("through", drops=True), Case("through", drops=True, said=True)),
    "BDAT": (
        Case("through", chunking=True),
        Case("through", chunking=True, drops=True),
        Case("through", chunking=True, drops=True, said=True),
    ),
    "BDAT, 16 in flight": (
        Case("through-window", chunking=True),
        Case("through-window", chunking=True, drops=True),
        Case("through-window", chunking=True, drops=True, said=True),
    ),
}
Found = Mapping[Case, Measured]

_CHECKOUT = """\
One thread, one session that is parked and live, the listener that workers have: `with pool.session(…)`, entered and left.
Promised: under 8 µs."""
_CROWD = f"""\
{THREADS} threads on {SESSIONS} sessions; each checks out, sends one mail by DATA and returns, again and again. *wait*: from
the call to the session. *longest*: of all waits of a round over their median. *unequal*: the median wait of the thread that
waited most over that of the one that waited least. Promised: the longest wait under 3 times the median."""
_RELAY = f"""\
A pool whose own bound lies far off, batches of {BATCH}, and a relay that ends each connection behind {ENOUGH} mails: without a
word behind the reply to the last one, or with 421 for the next. *processor*: the client's, user and system, which
other programs on the machine disturb less than the rate. *again*: mails that were deferred with nothing handed over and went
once more; *unknown*: those that had gone out whole. Both in a round. Promised: 90% of the rate without ends."""


def report(found: Found, rounds: int, counts: Mapping[Case, int], machine: Sequence[str]) -> str:
    """The whole page."""
    parts = ["# The session pool", "", f"Medians of {rounds} interleaved rounds, each case in a process of its own; "]
    parts[-1] += f"*spread*: lowest and highest round. Mails of {SIZE} octets; the sink has hashed every one of them."
    parts += ["", f"## A checkout and its return, {counts[CHECKOUT]:,} in a round", "", _CHECKOUT, ""]
    parts += _checkout_table(found[CHECKOUT])
    parts += ["", f"## A crowd, {counts[CROWDS['loopback']]:,} checkouts in a round", "", _CROWD, ""]
    parts += _crowd_table(found)
    first = next(iter(RELAYS.values()))[0]
    parts += ["", f"## A relay that ends connections, {counts[first]:,} mails in a round", "", _RELAY, ""]
    parts += _relay_table(found)
    return "\n".join([*parts, "", *(f"- {line}" for line in machine), ""])


def _checkout_table(one: Measured) -> Iterator[str]:
    yield "| median µs | spread | mean µs | spread |"
    yield "|--:|--:|--:|--:|"
    if one.trouble is not None:
        yield f"| {_no_figure(one)} | | | |"
        return
    yield f"| {_micro(one, 'median')} | {_micro(one, 'mean')} |"


def _micro(one: Measured, name: str) -> str:
    figures = [1e6 * figure for figure in one.all(name)]
    return f"{1e6 * one.median(name):.1f} | {min(figures):.1f}–{max(figures):.1f}"


def _crowd_table(found: Found) -> Iterator[str]:
    yield "| way | mails a second | median wait, ms | longest wait, ms | longest : median | spread | unequal |"
    yield "|---|--:|--:|--:|--:|--:|--:|"
    for name, case in CROWDS.items():
        one = found[case]
        if one.trouble is not None:
            yield f"| {name} | {_no_figure(one)} | | | | | |"
            continue
        waits = f"{1e3 * one.median('median'):.1f} | {1e3 * one.median('max'):.1f}"
        ratios = [most / usual for most, usual in zip(one.all("max"), one.all("median"), strict=True)]
        yield f"| {name} | {one.median('rate'):,.0f} | {waits} | {_ratios(ratios)} | {one.median('worst'):.2f} |"


def _relay_table(found: Found) -> Iterator[str]:
    columns = ("by", "the relay", "mails a second", "spread", "rate : kept", "spread", "processor µs a mail")
    yield f"| {' | '.join(columns)} | connections | again | unknown |"
    yield f"|---|---{'|--:' * (len(columns) + 1)}|"
    for name, cases in RELAYS.items():
        kept, *ends = (found[case] for case in cases)
        yield _relay_row(name, "keeps connections", kept, kept)
        for words, one in zip(("leaves without a word", "says 421"), ends, strict=True):
            yield _relay_row(name, words, one, kept)


def _relay_row(name: str, words: str, one: Measured, kept: Measured) -> str:
    if one.trouble is not None or kept.trouble is not None:
        return f"| {name} | {words} | {_no_figure(one if one.trouble else kept)} | | | | | | | |"
    rates = one.all("rate")
    rate = f"{one.median('rate'):,.0f} | {min(rates):,.0f}–{max(rates):,.0f}"
    ratio = _ratios(one.ratio(kept)) if one is not kept else "1 | –"
    counts = " | ".join(f"{one.median(figure):.0f}" for figure in ("connections", "deferred", "unknown"))
    return f"| {name} | {words} | {rate} | {ratio} | {1e6 * one.median('processor'):.0f} | {counts} |"


def _ratios(ratios: Sequence[float]) -> str:
    return f"{median(ratios):.2f} | {min(ratios):.2f}–{max(ratios):.2f}"


def _no_figure(one: Measured) -> str:
    return f"no figure: {one.trouble}".replace("|", "/")
