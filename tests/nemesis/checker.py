"""The checker: what was asked for, what the ledger says, and what the relay has accepted. Pure.

It believes the relay's journal, which was on disk before each 250, and nobody's log.
"""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path

from notifier.model.outcome import RecipientState
from notifier.model.state import DEAD, MailState
from notifier.store.base import MailStatus

Copies = Mapping[str, Mapping[str, int]]  # mail id → recipient → how often the relay has accepted it

ON_ITS_WAY = frozenset({MailState.WAITING, MailState.CLAIMED, MailState.AT_DOT, MailState.UNKNOWN})
MOST_CRASHES = 3


@dataclass(frozen=True)
class Account:
    """What became of the mails of one nemesis. ``why`` has a sentence for each that is lost or doubled."""

    accepted: int = 0
    delivered: int = 0
    lost: int = 0
    doubled: int = 0
    unknown: int = 0
    resent: int = 0
    parked: int = 0
    dead: int = 0
    why: tuple[str, ...] = field(default=(), repr=False)

    def __add__(self, other: Account) -> Account:
        numbers = {name: getattr(self, name) + getattr(other, name) for name in NUMBERS}
        return Account(**numbers, why=self.why + other.why)


NUMBERS = ("accepted", "delivered", "lost", "doubled", "unknown", "resent", "parked", "dead")


def copies_in(journal: Path) -> Copies:
    """How often each mail was accepted for each recipient. The mail's id is the left side of its Message-ID."""
    copies: dict[str, Counter[str]] = defaultdict(Counter)
    for line in journal.read_text(encoding="utf-8").splitlines():
        entry = json.loads(line)
        copies[entry["message_id"].strip("<>").partition("@")[0]].update(entry["recipients"])
    return copies


def judge(
    requested: Iterable[str],
    ledger: Mapping[str, MailStatus],
    copies: Copies,
    ends: Mapping[str, Collection[MailState]] | None = None,
) -> Account:
    """Compare the ids that the application got back with the ledger and with the journal.

    ``ends``: where a mail may rest, if its story is meant to end elsewhere than in `SENT`.
    """
    ends = ends or {}
    requested = list(requested)
    found = [(mail_id, ledger.get(mail_id), copies.get(mail_id, {})) for mail_id in requested]
    lost = [f"lost: {mail_id}: {why}" for mail_id, mail, his in found if (why := _lost(mail, his, ends.get(mail_id)))]
    doubled = [f"doubled: {mail_id}: {why}" for mail_id, mail, his in found if (why := _doubled(mail, his))]
    mails = [mail for _, mail, _ in found if mail is not None]
    return Account(
        accepted=len(requested),
        delivered=sum(bool(his) for _, _, his in found),
        lost=len(lost),
        doubled=len(doubled),
        unknown=sum(mail.unknowns > 0 for mail in mails),
        resent=sum(resends_of(mail) > 0 for mail in mails),
        parked=sum(mail.state is MailState.PARKED for mail in mails),
        dead=sum(mail.state in DEAD for mail in mails),
        why=(*lost, *doubled),
    )


def judge_without_ledger(requested: Iterable[str], copies: Copies) -> Account:
    """The same where nobody keeps a ledger: every second copy is one too many, and nobody knows of it."""
    found = [(mail_id, sum(copies.get(mail_id, {}).values())) for mail_id in requested]
    lost = [f"lost: {mail_id}: the relay never accepted it" for mail_id, count in found if count == 0]
    doubled = [f"doubled: {mail_id}: accepted {count} times" for mail_id, count in found if count > 1]
    delivered = len(found) - len(lost)
    return Account(len(found), delivered, len(lost), len(doubled), why=(*lost, *doubled))


def resends_of(mail: MailStatus) -> int:
    """How many further copies the history accounts for: after an unknown outcome, by the class or by a person."""
    return sum(
        here == MailState.WAITING and before in (MailState.UNKNOWN, MailState.PARKED)
        for before, here in pairwise(str(entry["state"]) for entry in mail.history)
    )


def _lost(mail: MailStatus | None, copies: Mapping[str, int], ends: Collection[MailState] | None) -> str:
    if mail is None:
        return "the ledger does not know it"
    if mail.state in ON_ITS_WAY:
        return f"it is still {mail.state} at the end"
    missing = [path for path in _said_to_be_accepted(mail) if not copies.get(path)]
    if missing:
        return f"the ledger says that {', '.join(missing)} has it, and the relay does not"
    if mail.state not in _ends_of(mail, ends):
        return f"it ended as {mail.state}, which nothing calls for"
    return ""


def _said_to_be_accepted(mail: MailStatus) -> Iterator[str]:
    return (path for path, state in mail.recipients.items() if state is RecipientState.ACCEPTED)


def _ends_of(mail: MailStatus, ends: Collection[MailState] | None) -> Iterator[MailState]:
    yield from ends or (MailState.SENT,)
    if mail.unknowns:
        yield MailState.PARKED
    if mail.crashes >= MOST_CRASHES:
        yield MailState.QUARANTINED


def _doubled(mail: MailStatus | None, copies: Mapping[str, int]) -> str:
    allowed = 1 + (resends_of(mail) if mail is not None else 0)
    most = max(copies.values(), default=0)
    return f"accepted {most} times, and the ledger accounts for {allowed}" if most > allowed else ""
