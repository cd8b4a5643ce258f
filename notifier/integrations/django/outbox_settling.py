"""What the ledger says of mails that it was given: rows learn how their mails ended, and what was lost with its data."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from datetime import datetime, timedelta

from django.db import transaction
from django.db.models import QuerySet
from django.utils import timezone

from notifier.integrations.django.models import OutboxBlob, OutboxMail, OutboxState
from notifier.integrations.django.outbox_ledger import hold
from notifier.integrations.django.outbox_rows import may_go_again, remembered_for
from notifier.model.state import DEAD, ENDED, MailState
from notifier.store.base import MailStatus
from notifier.tasks.runtime import runtime

log = logging.getLogger(__name__)

SOONEST, LATEST = timedelta(seconds=1), timedelta(minutes=5)  # between two looks at a mail that has not ended
DEAD_LETTERS = timedelta(minutes=15)  # between two looks at one: whether a person has decided
LOST = "the ledger has lost it (wiped, exchanged or restored)"


def look(alias: str, rows: Sequence[OutboxMail], epoch: str) -> None:
    """Ask the ledger of this ``epoch`` for mails that were handed over, and then write what it says, in one transaction.

    Raises `StoreUnavailable`.
    """
    said = [(row, runtime().store.status(row.id_in_ledger)) for row in rows]
    with transaction.atomic(using=alias):
        for row, found in said:
            _learn(alias, row, found, epoch)


def _learn(alias: str, row: OutboxMail, found: MailStatus | None, epoch: str) -> None:
    if found is None:
        _lost(alias, row)
    elif found.state in DEAD:
        _is_dead(alias, row, found.state, epoch)
    elif found.state in ENDED:
        settle(alias, row, found.state, epoch)
    else:
        _not_yet(alias, row, epoch)


def settle(alias: str, row: OutboxMail, state: MailState, epoch: str) -> bool:
    """The mail has ended, and its contents go. False where somebody else has done something about the row meanwhile."""
    now = timezone.now()
    said = {
        "state": OutboxState.SETTLED,
        "outcome": state.value,
        "why": "",
        "epoch": epoch,
        "known_at": now,
        "settled_at": now,
        "look_at": now + remembered_for(row),
    }
    with transaction.atomic(using=alias):
        is_settled = bool(_given(alias, row).update(**said, payload=b""))
        if is_settled:
            _drop_blobs(alias, row)
    return is_settled


def _drop_blobs(alias: str, row: OutboxMail) -> None:
    links = OutboxMail.blobs.through.objects.using(alias)
    names = list(links.filter(outboxmail_id=row.id).values_list("outboxblob_id", flat=True))
    if names:
        links.filter(outboxmail_id=row.id).delete()
        drop(OutboxBlob.objects.using(alias).filter(id__in=names))


def drop(blobs: QuerySet[OutboxBlob]) -> None:
    """Delete those that no mail refers to any more; `delete` would read them all before."""
    blobs.filter(mails__isnull=True).only("id").delete()


def _not_yet(alias: str, row: OutboxMail, epoch: str) -> None:
    now = timezone.now()
    said = {"state": OutboxState.HANDED_OVER, "outcome": "", "epoch": epoch, "known_at": now}
    _given(alias, row).update(**said, look_at=_next_look(row, now))


def _is_dead(alias: str, row: OutboxMail, state: MailState, epoch: str) -> None:
    now = timezone.now()
    said = {"state": OutboxState.DEAD_LETTER, "outcome": state.value, "epoch": epoch, "known_at": now}
    _given(alias, row).update(**said, look_at=now + DEAD_LETTERS)


def _given(alias: str, row: OutboxMail) -> QuerySet[OutboxMail]:
    """The row, if it is still as it was taken."""
    return OutboxMail.objects.using(alias).filter(id=row.id, state=row.state)


def _next_look(row: OutboxMail, now: datetime) -> datetime:
    """Often while it is young, and seldom where it waits for long."""
    age: timedelta = now - row.created_at
    return now + min(max(age / 4, SOONEST), LATEST)


def _lost(alias: str, row: OutboxMail) -> None:
    """The row decides what the ledger cannot say."""
    now = timezone.now()
    if row.state == OutboxState.DEAD_LETTER:
        hold(alias, row, f"it was a dead letter ({row.outcome}), and {LOST}")
    elif row.known_at is None or now - row.known_at >= remembered_for(row):
        hold(alias, row, "nobody has swept the outbox for longer than the ledger remembers mails: it may have gone")
    elif not may_go_again(row):
        hold(alias, row, f"{LOST}, so it may have gone, and its class goes only once")
    elif row.expires_at <= now:
        hold(alias, row, f"{LOST}, and the time in which it was of use is over")
    else:
        _given(alias, row).update(state=OutboxState.OPEN, why=LOST, look_at=now)
        log.error("mail %s is handed over again: %s", row.id, LOST)


def remind(alias: str, row: OutboxMail, epoch: str) -> None:
    """A ledger of another epoch may be older than this row, and have as waiting what has ended: tell it."""
    store, mail_id = runtime().store, row.id_in_ledger
    found = store.status(mail_id)
    outcome = row.outcome
    if found is not None and found.state is MailState.WAITING:
        store.cancel(mail_id)
        log.warning("mail %s is cancelled in the ledger, which is older: it is %s already", mail_id, outcome)
    elif found is not None and found.state is MailState.PARKED and outcome in (MailState.SENT, MailState.DISCARDED):
        store.resolve(mail_id, MailState(outcome), "the outbox of the application had seen its end")
    elif found is not None and found.state not in ENDED:
        return  # on its way again; it is looked at with the next sweep
    OutboxMail.objects.using(alias).filter(id=row.id).update(epoch=epoch)
