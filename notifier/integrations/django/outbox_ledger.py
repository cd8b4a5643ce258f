"""From a row to the ledger: the same mail under the same id, however often it is handed over.

What a crash leaves: killed before the ledger has it, the row is open and is handed over by the sweeper; killed between
that and the mark, the row is open, too, and the ledger answers that it has the mail already.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from uuid import UUID

from django.db import transaction
from django.db.models import F
from django.utils import timezone

from notifier.delivery.intake import Accepted
from notifier.errors import BlobUnavailable, IdempotencyConflict, InvalidMail
from notifier.integrations.django.models import OutboxMail, OutboxState
from notifier.integrations.django.outbox_rows import UnreadableRow, mail_of, may_go_again
from notifier.model.email import UnknownPayloadVersion
from notifier.tasks.enqueue import enqueue
from notifier.tasks.runtime import runtime

log = logging.getLogger(__name__)

FIRST_LOOK = timedelta(seconds=1)  # after the hand-over, to learn the settlement
PUT_OFF = timedelta(minutes=10)  # what nobody here can read: a key or a newer version may come


@dataclass(frozen=True, slots=True)
class Held:
    """A row with the octets that it refers to, sealed or not."""

    row: OutboxMail
    blobs: Mapping[str, bytes] = field(repr=False)


def hand_over(alias: str, held: Sequence[Held]) -> int:
    """Give the ledger the mails, and mark their rows; how many it has taken.

    Raises `StoreUnavailable` or `BrokerUnavailable`: the rows stay open then, and those that the ledger has all the same
    are no-ops the next time.
    """
    epoch = runtime().store.epoch()
    allowed = _intended(alias, _in_time(alias, held), epoch)
    mails = [(one.row, mail) for one in allowed if (mail := _readable(alias, one)) is not None]
    taken = _add(alias, mails)
    _mark(alias, taken, epoch)
    return len(taken)


def _in_time(alias: str, held: Sequence[Held]) -> list[Held]:
    """Without those whose deadline has passed while nobody could hand them over."""
    now = timezone.now()
    late = {one.row.id for one in held if one.row.expires_at <= now and not _is_known(one.row)}
    for one in held:
        if one.row.id in late:
            hold(alias, one.row, "the time in which it was of use was over before a ledger had it")
    return [one for one in held if one.row.id not in late]


def _intended(alias: str, held: Sequence[Held], epoch: str) -> list[Held]:
    """Those that may be handed over to this ledger. What may go only once says to whom, before it is said there."""
    once = [one for one in held if not may_go_again(one.row)]
    lost = {one.row.id for one in once if one.row.epoch not in ("", epoch) and not _is_known(one.row)}
    for one in once:
        if one.row.id in lost:
            hold(alias, one.row, "another ledger may have had it, so it may have gone, and its class goes only once")
    ids = [one.row.id for one in once if one.row.id not in lost]
    if ids:
        OutboxMail.objects.using(alias).filter(id__in=ids, state=OutboxState.OPEN).update(epoch=epoch)
    return [one for one in held if one.row.id not in lost]


def _is_known(row: OutboxMail) -> bool:
    return runtime().store.status(row.id_in_ledger) is not None


def _readable(alias: str, held: Held) -> Accepted | None:
    """The mail, or None where the row says why not."""
    try:
        return mail_of(held.row, held.blobs)
    except (BlobUnavailable, UnknownPayloadVersion) as error:
        later = timezone.now() + PUT_OFF
        OutboxMail.objects.using(alias).filter(id=held.row.id).update(look_at=later, why=str(error))
        log.error("outbox mail %s is put off: %s", held.row.id, error)  # noqa: TRY400 - for operators
    except (UnreadableRow, InvalidMail) as error:
        hold(alias, held.row, str(error))
    return None


def _add(alias: str, mails: Sequence[tuple[OutboxMail, Accepted]]) -> dict[UUID, str]:
    """The rows that the ledger has taken, with the ids that it has them under."""
    if not mails:
        return {}
    try:
        added = enqueue([mail for _, mail in mails])
    except IdempotencyConflict as error:
        if len(mails) > 1:  # those before it were taken, and are no-ops now
            return {row_id: taken for one in mails for row_id, taken in _add(alias, [one]).items()}
        hold(alias, mails[0][0], str(error))
        return {}
    return {row.id: one.mail_id for (row, _), one in zip(mails, added, strict=True)}


def _mark(alias: str, taken: Mapping[UUID, str], epoch: str) -> None:
    now = timezone.now()
    said = {
        "state": OutboxState.HANDED_OVER,
        "epoch": epoch,
        "why": "",
        "known_at": now,
        "look_at": now + FIRST_LOOK,
        "hand_overs": F("hand_overs") + 1,
    }
    rows = OutboxMail.objects.using(alias).filter(state=OutboxState.OPEN)
    others = {row_id: mail_id for row_id, mail_id in taken.items() if str(row_id) != mail_id}
    with transaction.atomic(using=alias):
        rows.filter(id__in=taken.keys() - others.keys()).update(**said)
        for row_id, mail_id in others.items():
            rows.filter(id=row_id).update(**said, ledger_id=UUID(mail_id))


def hold(alias: str, row: OutboxMail, why: str) -> None:
    """Leave it to a person, unless somebody else has done something about it meanwhile."""
    OutboxMail.objects.using(alias).filter(id=row.id, state=row.state).update(state=OutboxState.HELD, why=why)
    log.error("outbox mail %s is held, a person has to decide: %s", row.id, why)
