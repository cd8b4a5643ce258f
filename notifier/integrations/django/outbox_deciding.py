"""What a person decides on a row that is held, or whose mail is a dead letter."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import timedelta
from uuid import UUID

from django.db.models import Q
from django.utils import timezone

from notifier.errors import NotifierError
from notifier.integrations.django.models import OutboxMail, OutboxState
from notifier.integrations.django.outbox_settling import settle
from notifier.model.state import DEAD, MailState
from notifier.tasks.operating import Done, discard, requeue
from notifier.tasks.runtime import runtime

FOR_A_PERSON = (OutboxState.HELD, OutboxState.DEAD_LETTER)


class NotForAPerson(NotifierError):
    """The mail is under way, or has ended."""


def send_again(alias: str, row: OutboxMail, why: str) -> None:
    """Once more under the same id, with its whole time before it. Raises `NotForAPerson`, `StoreUnavailable`."""
    _check(row)
    if _is_dead_letter(row):
        _done(requeue([row.id_in_ledger], why=why))
        look_soon(alias, [row.id_in_ledger])
        return
    now = timezone.now()
    known = runtime().settings.classes.get(row.mail_class)
    if known is None:
        raise NotForAPerson(
            f"mail {row.id} is of the class {row.mail_class!r}, which is not in the settings (any more)"
        )
    patience = timedelta(seconds=known.deadline)
    said = {"state": OutboxState.OPEN, "outcome": "", "why": why, "epoch": "", "look_at": now}
    decided = OutboxMail.objects.using(alias).filter(id=row.id, state=row.state)
    _first(row, bool(decided.update(**said, expires_at=now + patience)))


def give_up(alias: str, row: OutboxMail, why: str) -> None:
    """Never send it; its contents go. Raises `NotForAPerson`, `StoreUnavailable`."""
    _check(row)
    if _is_dead_letter(row):
        _done(discard([row.id_in_ledger], why=why))
    _first(row, settle(alias, row, MailState.DISCARDED, row.epoch))
    OutboxMail.objects.using(alias).filter(id=row.id).update(why=why)


def look_soon(alias: str, ids_in_ledger: Sequence[str]) -> None:
    """Somebody has decided on these in the ledger; the sweeper learns what with its next sweep."""
    ids = [UUID(one) for one in ids_in_ledger]
    theirs = OutboxMail.objects.using(alias).filter(Q(id__in=ids) | Q(ledger_id__in=ids))
    theirs.filter(state=OutboxState.DEAD_LETTER).update(look_at=timezone.now())


def _check(row: OutboxMail) -> None:
    if row.state not in FOR_A_PERSON:
        raise NotForAPerson(f"mail {row.id} is {row.outcome or row.get_state_display()}; nobody has to decide on it")


def _first(row: OutboxMail, was_first: bool) -> None:
    if not was_first:
        raise NotForAPerson(f"somebody else has decided on mail {row.id}; look at it again")


def _is_dead_letter(row: OutboxMail) -> bool:
    found = runtime().store.status(row.id_in_ledger)
    return found is not None and found.state in DEAD


def _done(results: Iterable[Done]) -> None:
    for one in results:
        if one.error is not None:
            raise NotForAPerson(one.error)
