"""The table, in Markdown."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence

from benchmarks.smtp.load import SIZE
from benchmarks.smtp.peers import REFERENCE
from benchmarks.smtp.rounds import Measured, Plan

Delayed = Mapping[float, Sequence[Measured]]  # by the round trip in seconds

_LEGEND = f"""\
One connection, mails of {SIZE} octets, each with its own Message-ID (`smtp-source` sends one again and again), one recipient. Every client runs in a process of
its own; what is timed lies between the first mail and the last final reply, without opening a connection that is kept.
*by*: the command that the sink got the mails by. *spread*: lowest and highest round. *processor*: the client's process
alone, user and system. *round trips*: what a mail waits for, its time with a round trip of {{trip}} over that round
trip. The sink has hashed every mail: a client of whose mails one octet was missing would have no figures here."""


def report(
    plan: Plan,
    local: Sequence[Measured],
    delayed: Delayed,
    imported: Iterable[tuple[str, float]],
    machine: Sequence[str],
) -> str:
    """The whole page."""
    trip = f"{min(delayed) * 1000:g} ms" if delayed else "(not measured)"
    head = ["# SMTP clients on one sink", "", _LEGEND.format(trip=trip), ""]
    counts = f"Medians of {plan.rounds} interleaved rounds; {plan.messages:,} mails in each, more with many in flight."
    parts = [*head, counts, "", *_local_table(local, delayed)]
    for round_trip, measured in sorted(delayed.items()):
        parts += ["", f"## With a round trip of {round_trip * 1000:g} ms", "", *_delayed_table(measured)]
    parts += ["", "## Import", "", "In a fresh interpreter, less what one takes that imports nothing.", ""]
    parts += [
        "| statement | ms |",
        "|---|--:|",
        *(f"| `{name}` | {seconds * 1000:.0f} |" for name, seconds in imported),
    ]
    return "\n".join([*parts, "", *(f"- {line}" for line in machine), ""])


def _local_table(local: Sequence[Measured], delayed: Delayed) -> Iterator[str]:
    yield "| client | by | mails a second | spread | processor µs a mail | round trips a mail | rate : `smtplib` kept |"
    yield "|---|---|--:|--:|--:|--:|--:|"
    reference = _reference(local)
    for one in local:
        if one.trouble is not None:
            yield f"| {one.peer.name} | – | {_no_figure(one)} | | | | |"
            continue
        spread = f"{min(one.rates):,.0f}–{max(one.rates):,.0f}"
        processor = f"{one.processor * 1e6:,.{1 if one.processor < 1e-5 else 0}f}"
        trips = _round_trips(one, delayed)
        yield f"| {one.peer.name} | {one.by} | {one.rate:,.0f} | {spread} | {processor} | {trips} | {_ratio(one, reference)} |"


def _delayed_table(measured: Sequence[Measured]) -> Iterator[str]:
    yield "| client | mails a second | spread | rate : `smtplib` kept |"
    yield "|---|--:|--:|--:|"
    reference = _reference(measured)
    for one in measured:
        if one.trouble is not None:
            yield f"| {one.peer.name} | {_no_figure(one)} | | |"
            continue
        spread = f"{min(one.rates):,.1f}–{max(one.rates):,.1f}"
        yield f"| {one.peer.name} | {one.rate:,.1f} | {spread} | {_ratio(one, reference)} |"


def _no_figure(one: Measured) -> str:
    return f"no figure: {one.trouble}".replace("|", "/")


def _reference(table: Sequence[Measured]) -> Measured | None:
    return next((one for one in table if one.peer.key == REFERENCE and one.trouble is None), None)


def _ratio(one: Measured, reference: Measured | None) -> str:
    return "–" if reference is None else f"{one.ratio(reference):.2f}"


def _round_trips(one: Measured, delayed: Delayed) -> str:
    if not delayed:
        return "–"
    round_trip = min(delayed)
    same = next(other for other in delayed[round_trip] if other.peer == one.peer)
    return "–" if same.trouble is not None else f"{1 / same.rate / round_trip:.2f}"
