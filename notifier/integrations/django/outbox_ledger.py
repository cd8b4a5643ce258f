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
from notifier.integrations.django.outbox_rows import UnknownMailClass, UnreadableRow, mail_of, may_go_again
from notifier.model.email import UnknownPayloadVersion
from notifier.tasks.enqueue import enqueue
from notifier.tasks.runtime import runtime

log = logging.getLogger(__name__)

FIRST_LOOK = timedelta(seconds=1)  # after the hand-over, to learn the settlement
PUT_OFF = timedelta(minutes=5)  # what cannot be read or stored here: a key, a newer version or room may come

Waiting = tuple[OutboxMail, Accepted]


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
    readable = [(one.row, mail) for one in _in_time(alias, held) if (mail := _readable(alias, one)) is not None]
    taken = _add(alias, _intended(alias, readable, epoch))
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


def _intended(alias: str, mails: Sequence[Waiting], epoch: str) -> list[Waiting]:
    """Those that may be handed over to this ledger. What may go only once says to whom, before it is said there."""
    once = [row for row, _ in mails if not may_go_again(row)]
    if not once:
        return list(mails)
    lost = [row for row in once if row.epoch not in ("", epoch) and not _is_known(row)]
    for row in lost:
        hold(alias, row, "another ledger may have had it, so it may have gone, and its class goes only once")
    ours = _meant_for(alias, [row for row in once if row not in lost], epoch)
    return [(row, mail) for row, mail in mails if row.id in ours or may_go_again(row)]


def _meant_for(alias: str, rows: Sequence[OutboxMail], epoch: str) -> set[UUID]:
    """Say of them that this ledger may have them; without those that another process has handed over, while this one was
    stopped: to a ledger that may be gone.
    """
    theirs = OutboxMail.objects.using(alias).filter(state=OutboxState.OPEN)
    for before in {row.epoch for row in rows}:
        theirs.filter(id__in=[row.id for row in rows if row.epoch == before], epoch=before).update(epoch=epoch)
    said = theirs.filter(id__in=[row.id for row in rows], epoch=epoch)
    return set(said.values_list("id", flat=True))


def _is_known(row: OutboxMail) -> bool:
    return runtime().store.status(row.id_in_ledger) is not None


def put_off(alias: str, row: OutboxMail, why: str) -> None:
    """Not now: somebody may mend that meanwhile. It is held when its time is over."""
    later = timezone.now() + PUT_OFF
    OutboxMail.objects.using(alias).filter(id=row.id, state=OutboxState.OPEN).update(look_at=later, why=why)
    log.error("outbox mail %s is put off: %s", row.id, why)


def _readable(alias: str, held: Held) -> Accepted | None:
    """The mail, or None where the row says why not."""
    try:
        return mail_of(held.row, held.blobs)
    except (BlobUnavailable, UnknownPayloadVersion, UnknownMailClass) as error:
        put_off(alias, held.row, str(error))
    except (UnreadableRow, InvalidMail) as error:
        hold(alias, held.row, str(error))
    return None


def _add(alias: str, mails: Sequence[Waiting]) -> dict[UUID, str]:
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
