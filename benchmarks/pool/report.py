"""The cases, and their tables in Markdown."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from statistics import median

from benchmarks.pool.dead import ALL_WELL, RATE, SLOTS
from benchmarks.pool.rounds import ENOUGH, KEEPS, RELAYS, Case, Found, Measured
from benchmarks.pool.stories import BATCH, SESSIONS, SLICE, STEPS, THREADS
from benchmarks.smtp.load import SIZE

CHECKOUT = Case("checkout")
CROWDS = {"loopback": Case("crowd"), "a round trip of 10 ms": Case("crowd", round_trip=0.010)}
DATA, FAR, COUNTED = "DATA", "DATA, a round trip of 10 ms", "DATA, connections counted for all workers"
WAYS = {
    DATA: Case("relays", RELAYS),
    FAR: Case("relays", RELAYS, round_trip=0.010),
    COUNTED: Case("relays-counted", RELAYS),
    "BDAT": Case("relays", RELAYS, chunking=True),
    "BDAT, 16 in flight": Case("relays-window", RELAYS, chunking=True),
}

_CHECKOUT = f"""\
One thread, one session that is parked and live, the listener that workers have: `with pool.session(…)`, entered and left.
Promised: under 8 µs. *a loop*: the multiplying and adding up of {STEPS:,} numbers in the same round, before and behind: the pace that the processor
had. Where others share it that flips from round to round, and all else with it."""
_CROWD = f"""\
{THREADS} threads on {SESSIONS} sessions; each checks out, sends one mail by DATA and returns, again and again. *wait*: from
the call to the session. *longest*: of all waits of a round over their median. *unequal*: the median wait of the thread that
waited most over that of the one that waited least. Promised: the longest wait under 3 times the median."""
_RELAYS = f"""\
A pool whose own bound lies far off, batches of {BATCH}, and relays that end each connection behind {ENOUGH} mails: without a
word behind the reply to the last one, or with 421 for the next. One process sends to all three in turn, {SLICE} mails to each.
*again*: mails that were deferred with nothing handed over and went once more; *unknown*: those that had gone out whole; both
of a round. *processor*: the client's, user and system. *counted for all workers*: in a Valkey of this machine, as those of
workers are (the other rows' are not). *a round trip of 10 ms*: a tenth of the mails. Promised: 90% of the rate at the relay that
keeps connections."""


_DEAD = f"""\
`celery -A worker worker -c {SLOTS}`, as it is shipped, {RATE} mails a second one after the other to ten relays in turn, each an account of its own; nine
are well and the tenth is not. From the call to the relay's acceptance, of the mails to the nine. *longest*: of a round. *99 of 100 : all well*:
beside the same round's with ten that are well. The processes are on any core. Promised: a dead relay does not slow the mails to others; what is left of it is in
[ADR 52](../../docs/adr/0052-a-dead-relay-holds-up-its-own-mails.md)."""
Beside = tuple[Mapping[str, Measured], int, int]  # and rounds, and mails of each


def report(found: Found, rounds: int, counts: Mapping[Case, int], beside: Beside, machine: Sequence[str]) -> str:
    """The whole page."""
    parts = ["# The session pool", "", f"Medians of {rounds} interleaved rounds, each case in a process of its own;"]
    parts += [f"*spread*: lowest and highest round. Mails of {SIZE} octets; the sink has hashed every one of them."]
    parts += ["", f"## A checkout and its return, {counts[CHECKOUT]:,} in a round", "", _CHECKOUT, ""]
    parts += _checkout_table(found[CHECKOUT, KEEPS])
    parts += ["", f"## A crowd, {counts[CROWDS['loopback']]:,} checkouts in a round", "", _CROWD, ""]
    parts += _crowd_table(found)
    parts += ["", f"## Relays that end connections, {counts[WAYS[DATA]]:,} mails to each in a round", "", _RELAYS, ""]
    parts += _relay_table(found)
    dead, dead_rounds, mails = beside
    parts += ["", f"## One relay of ten is dead, {mails:,} mails in each of {dead_rounds} rounds", "", _DEAD, ""]
    parts += _dead_table(dead)
    return "\n".join([*parts, "", *(f"- {line}" for line in machine), ""])


def _checkout_table(one: Measured) -> Iterator[str]:
    yield _row("", "median µs", "spread", "mean µs", "spread", "a loop, µs", "spread", "median : loop", "spread")
    yield f"|---{'|--:' * 8}|"
    if one.trouble is not None:
        yield _row("checkout and return", _no_figure(one), *[""] * 7)
        return
    loops = [1e3 * turn / loop for turn, loop in zip(one.all("median"), one.all("pace"), strict=True)]
    share = f"{median(loops):.0f} ‰", f"{min(loops):.0f}–{max(loops):.0f}"
    yield _row("checkout and return", *_micro(one, "median"), *_micro(one, "mean"), *_micro(one, "pace"), *share)


def _micro(one: Measured, name: str) -> tuple[str, str]:
    figures = [1e6 * figure for figure in one.all(name)]
    return f"{median(figures):.1f}", f"{min(figures):.1f}–{max(figures):.1f}"


def _crowd_table(found: Found) -> Iterator[str]:
    yield _row("way", "mails a second", "median wait, ms", "longest wait, ms", "longest : median", "spread", "unequal")
    yield "|---|--:|--:|--:|--:|--:|--:|"
    for name, case in CROWDS.items():
        one = found[case, KEEPS]
        if one.trouble is not None:
            yield _row(name, _no_figure(one), "", "", "", "", "")
            continue
        waits = f"{1e3 * one.median('median'):.1f}", f"{1e3 * one.median('max'):.1f}"
        ratios = [longest / usual for longest, usual in zip(one.all("max"), one.all("median"), strict=True)]
        yield _row(name, f"{one.median('rate'):,.0f}", *waits, *_ratios(ratios), f"{one.median('unequal'):.2f}")


def _relay_table(found: Found) -> Iterator[str]:
    rates = ("mails a second", "spread", "rate : kept", "spread")
    yield _row("by", "the relay", *rates, "processor µs a mail", "connections", "again", "unknown")
    yield f"|---|---{'|--:' * 8}|"
    for name, case in WAYS.items():
        for relay in case.relays:
            yield _relay_row(name, relay, found[case, relay], found[case, KEEPS])


def _relay_row(name: str, relay: str, one: Measured, kept: Measured) -> str:
    if one.trouble is not None:
        return _row(name, relay, _no_figure(one), *[""] * 7)
    rates = one.all("rate")
    rate = f"{median(rates):,.0f}", f"{min(rates):,.0f}–{max(rates):,.0f}"
    ratios = ("1", "–") if one is kept else _ratios(one.ratios("rate", kept))
    counts = (f"{one.median(figure):.0f}" for figure in ("connections", "deferred", "unknown"))
    return _row(name, relay, *rate, *ratios, f"{1e6 * one.median('processor'):.0f}", *counts)


def _dead_table(dead: Mapping[str, Measured]) -> Iterator[str]:
    yield _row("the tenth", "median ms", "99 of 100, ms", "spread", "longest ms", "99 of 100 : all well", "spread")
    yield f"|---{'|--:' * 6}|"
    for kind, one in dead.items():
        if one.trouble is not None:
            yield _row(kind, _no_figure(one), *[""] * 5)
            continue
        late = [1e3 * figure for figure in one.all("p99")]
        times = f"{1e3 * one.median('median'):.0f}", f"{median(late):.0f}", f"{min(late):.0f}–{max(late):.0f}"
        well = dead[ALL_WELL]
        ratios = ("1", "–") if one is well or well.trouble is not None else _ratios(one.ratios("p99", well))
        yield _row(kind, *times, f"{1e3 * one.median('max'):.0f}", *ratios)


def _row(*cells: str) -> str:
    return f"| {' | '.join(cells)} |"


def _ratios(ratios: Sequence[float]) -> tuple[str, str]:
    return f"{median(ratios):.2f}", f"{min(ratios):.2f}–{max(ratios):.2f}"


def _no_figure(one: Measured) -> str:
    return f"no figure: {one.trouble}".replace("|", "/")
