"""The figures as a page in Markdown."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from statistics import median

from benchmarks.django_enqueue.client import OURS, THEIRS

Figures = Mapping[str, Mapping[str, Sequence[float]]]

PROMISED = 1.3
_WHAT = f"""\
Processor time of the process that enqueues, user and system, for each mail, with one Valkey as broker and store (the same for both). Blocks
of mails by {OURS}'s backend and by {THEIRS}'s alternate in one process; *ratio* is the median over pairs of neighbouring
blocks. *send()*: each mail by itself, as `send_mail` does. *send_messages*: a block in one call. Promised: a mail takes
at most {PROMISED} times the processor time of {THEIRS}'s, in every row.

What the call does is not the same. {THEIRS} publishes the mail as JSON, ten of them in one task where they come in one call; the worker
composes, and a mail of which the broker loses the task is lost. Ours checks and composes the mail, writes it to the ledger,
each with its own record, and is back when that is on disk. For one mail that costs less than publishing a task does; in one call with many
small ones, {THEIRS} shares one task among ten, and a record cannot be shared: there it may take less time."""


def report(rounds: Sequence[Figures], machine: Sequence[str]) -> str:
    """The whole page."""
    lines = ["# Enqueueing through Django's API", "", _WHAT, ""]
    lines += [f"| µs a mail | {OURS} | spread | {THEIRS} | spread | ratio |", "|---|--:|--:|--:|--:|--:|"]
    lines += [_row(case, rounds) for case in rounds[0]]
    return "\n".join([*lines, "", *(f"- {line}" for line in machine), ""])


def _row(case: str, rounds: Sequence[Figures]) -> str:
    ours, theirs = ([median(one[case][name]) for one in rounds] for name in (OURS, THEIRS))
    return f"| {case} | {' | '.join([*_cells(ours), *_cells(theirs)])} | {ratio(case, rounds):.2f} |"


def _cells(medians: Sequence[float]) -> Iterator[str]:
    yield f"{median(medians):,.0f}"
    yield f"{min(medians):,.0f} to {max(medians):,.0f}"


def ratio(case: str, rounds: Sequence[Figures]) -> float:
    """Of neighbouring blocks, in the middle of all."""
    pairs = (zip(one[case][OURS], one[case][THEIRS], strict=True) for one in rounds)
    return median(mine / other for blocks in pairs for mine, other in blocks)
