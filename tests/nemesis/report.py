"""The one table at the end, and whether the run has failed. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from nemesis.checker import NUMBERS, Account
from notifier.model.state import MailState

HIT_AT_LEAST = 5  # kills in each state, over all nemeses
# A ledger never rests in it: the class decides in the same step (`to_unknown` in prelude.lua).
NO_MAIL_RESTS_IN = frozenset({MailState.UNKNOWN})


@dataclass(frozen=True)
class Row:
    """One nemesis. ``blows``: what it did, for people; ``hits``: in which state each kill -9 found its mails; ``faults``:
    what went wrong beside the mails.
    """

    nemesis: str
    blows: int
    account: Account
    hits: Counter[str] = field(default_factory=Counter)
    baseline: bool = False
    faults: tuple[str, ...] = ()

    def __add__(self, other: Row) -> Row:
        return Row(
            self.nemesis,
            self.blows + other.blows,
            self.account + other.account,
            self.hits + other.hits,
            self.baseline,
            self.faults + other.faults,
        )


def failures(rows: Sequence[Row], *, every_state: bool = True) -> list[str]:
    """Why the run has failed; nothing where it has not. The baseline cannot fail."""
    ours = [row for row in rows if not row.baseline]
    found = [f"{row.nemesis}: {why}" for row in ours for why in (*row.faults, *row.account.why)]
    hits = sum((row.hits for row in ours), Counter[str]())
    if every_state:
        found += [
            f"state {state} was hit {hits[state]} times, and not {HIT_AT_LEAST}"
            for state in MailState
            if state not in NO_MAIL_RESTS_IN and hits[state] < HIT_AT_LEAST
        ]
    return found


def table(rows: Iterable[Row]) -> str:
    """As Markdown, so that it can go into the documentation as it is."""
    head = ["nemesis", "blows", "accepted", "delivered", "lost", "doubled outside the window", *NUMBERS[4:]]
    lines = [head, ["---", *["---:"] * (len(head) - 1)]]
    lines += [[row.nemesis, str(row.blows), *_numbers(row)] for row in rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def hits_table(rows: Iterable[Row]) -> str:
    """In which states the kills have found their mails, a row for each nemesis that kills workers."""
    killers = [row for row in rows if row.hits]
    states = [state for state in MailState if state not in NO_MAIL_RESTS_IN]
    lines = [["mails hit by kill -9", *states], ["---", *["---:"] * len(states)]]
    lines += [[row.nemesis, *(str(row.hits[state]) for state in states)] for row in killers]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _numbers(row: Row) -> list[str]:
    known = NUMBERS if not row.baseline else NUMBERS[:4]  # without a ledger nobody knows the others
    return [str(getattr(row.account, name)) if name in known else "–" for name in NUMBERS]
