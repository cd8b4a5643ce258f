"""The outbox' sweeper: hands over what requests have left, learns settlements, finds what a ledger has lost.

Any number of sweepers may run, in workers, by beat or by the command `notifier_outbox sweep`: each takes rows of its own
for a while, and where one dies another has them after that. It needs nothing but the database and the ledger.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db import Error as DatabaseError  # its InterfaceError is none of Django's DatabaseErrors
from django.db import connections, router, transaction
from django.db.models import QuerySet
from django.utils import timezone

from notifier.errors import BrokerUnavailable, NotifierError, StoreError
from notifier.integrations.django.models import OutboxBlob, OutboxMail, OutboxState
from notifier.integrations.django.outbox_contents import portions
from notifier.integrations.django.outbox_ledger import Held, hand_over, put_off
from notifier.integrations.django.outbox_settling import drop, look, remind
from notifier.tasks.runtime import runtime

log = logging.getLogger(__name__)

BATCH = 100  # rows; SQLite takes up to 999 parameters
LEASE = timedelta(seconds=30)  # what one batch may take; longer than all its timeouts
TIME_SLICE = 20.0  # seconds that one sweep of a database may take; the next goes on
GIVEN = (OutboxState.HANDED_OVER, OutboxState.DEAD_LETTER)  # the ledger has the mail
UNDER_WAY = (OutboxState.OPEN, *GIVEN)


@dataclass(frozen=True, slots=True)
class SweptOutbox:
    """What one sweep of a database's outbox did, in rows."""

    handed_over: int = 0
    looked_at: int = 0
    purged: int = 0


def sweep_all() -> dict[str, SweptOutbox]:
    """Sweep every database that has an outbox. A ledger or database that is away is logged: the next sweep goes on."""
    swept = {}
    for alias in connections:
        try:
            if has_outbox(alias):
                swept[alias] = sweep(alias)
        except (NotifierError, DatabaseError) as error:
            log.warning("the outbox in database %r waits for the next sweep: %s", alias, error)
    return swept


def databases() -> Iterator[str]:
    """Those that have an outbox. Raises what a database raises that cannot be reached."""
    return filter(has_outbox, connections)


def has_outbox(alias: str) -> bool:
    """True where routers and migrations have put one there, and it is no replica (``TEST``'s ``MIRROR``). Raises what a database raises that cannot be reached."""
    if connections[alias].settings_dict["TEST"].get("MIRROR") or not router.allow_migrate_model(alias, OutboxMail):
        return False
    with connections[alias].cursor() as cursor:
        return OutboxMail._meta.db_table in connections[alias].introspection.table_names(cursor)


def sweep(alias: str) -> SweptOutbox:
    """One sweep of one database. Raises `StoreUnavailable`, `BrokerUnavailable`; rows are as they were then."""
    ends, handed_over, looked_at = time.monotonic() + TIME_SLICE, 0, 0
    epoch = runtime().store.epoch()
    _wake(alias, epoch)
    began = timezone.now()
    while time.monotonic() < ends and (rows := take(alias, began)):
        handed_over += _work(alias, rows, epoch, ends)
        looked_at += len(rows)
    _remind_all(alias, epoch, ends)
    return SweptOutbox(handed_over, looked_at, purge(alias))


def _wake(alias: str, epoch: str) -> None:
    """What another ledger had is looked at now, however long its next look would have taken."""
    now = timezone.now()
    elsewhere = OutboxMail.objects.using(alias).filter(state__in=GIVEN).exclude(epoch=epoch)
    elsewhere.filter(look_at__gt=now + LEASE).update(look_at=now)


def take(alias: str, until: datetime) -> list[OutboxMail]:
    """Rows whose time has come ``until`` then, so that one sweep has each row once; nobody else has them for a while."""
    wanted = OutboxMail.objects.using(alias).filter(state__in=UNDER_WAY, look_at__lte=until)
    wanted = wanted.order_by("look_at").defer("payload")  # contents come in portions
    if connections[alias].features.has_select_for_update_skip_locked:
        return _take_locked(alias, wanted)
    return _take_each(alias, wanted)


def _take_locked(alias: str, wanted: QuerySet[OutboxMail]) -> list[OutboxMail]:
    with transaction.atomic(using=alias):
        rows = list(wanted.select_for_update(skip_locked=True)[:BATCH])
        OutboxMail.objects.using(alias).filter(id__in=[row.id for row in rows]).update(look_at=timezone.now() + LEASE)
    return rows


def _take_each(alias: str, wanted: QuerySet[OutboxMail]) -> list[OutboxMail]:
    """Without locks of rows: whoever moves the time of a row has it. Written first, as SQLite lets no reader become a
    writer once another has written.
    """
    rows, until = list(wanted[:BATCH]), timezone.now() + LEASE
    mine = OutboxMail.objects.using(alias)
    with transaction.atomic(using=alias):
        return [row for row in rows if mine.filter(id=row.id, look_at=row.look_at).update(look_at=until)]


def _work(alias: str, rows: list[OutboxMail], epoch: str, ends: float) -> int:
    """Do what is to be done about rows that were taken; how many mails were handed over."""
    try:
        look(alias, [row for row in rows if row.state in GIVEN], epoch)
        waiting = [row for row in rows if row.state == OutboxState.OPEN]
        return sum(_hand_over(alias, held, ends) for held in portions(alias, waiting)) if waiting else 0
    except (StoreError, BrokerUnavailable):
        mine = OutboxMail.objects.using(alias).filter(id__in=[row.id for row in rows], state__in=UNDER_WAY)
        mine.filter(look_at__lte=timezone.now() + LEASE).update(look_at=timezone.now())
        raise


def _hand_over(alias: str, held: list[Held], ends: float) -> int:
    """As `hand_over`, and where it fails by one of the mails (there is no room for its attachment), the others go all the same."""
    try:
        return hand_over(alias, held)
    except (BrokerUnavailable, DatabaseError):
        raise
    except Exception as error:  # a fault that nobody foresaw in one row must not keep all the others
        runtime().store.epoch()  # raises where it is the store that is away
        if len(held) == 1:
            # Other people's errors may quote what the mail says.
            put_off(alias, held[0].row, str(error) if isinstance(error, NotifierError) else type(error).__name__)
            return 0
        if time.monotonic() > ends:
            raise
    middle = len(held) // 2
    return sum(_hand_over(alias, half, ends) for half in (held[:middle], held[middle:]))


def _remind_all(alias: str, epoch: str, ends: float) -> None:
    """Once for each ledger: what has ended and is not to be sent by one that was restored from before that."""
    settled = OutboxMail.objects.using(alias).filter(state=OutboxState.SETTLED)
    last = None
    while time.monotonic() < ends:
        later = settled.exclude(epoch=epoch).order_by("id")
        rows = list((later if last is None else later.filter(id__gt=last))[:BATCH])
        if not rows:
            return
        last = rows[-1].id
        for row in rows:
            remind(alias, row, epoch)


def purge(alias: str) -> int:
    """Delete rows that were settled so long ago that the ledger has forgotten their mails, too; how many."""
    settled = OutboxMail.objects.using(alias).filter(state=OutboxState.SETTLED, look_at__lte=timezone.now())
    ids = list(settled.values_list("id", flat=True)[: 5 * BATCH])
    if not ids:
        return 0
    OutboxMail.objects.using(alias).filter(id__in=ids).delete()
    drop(OutboxBlob.objects.using(alias).all())
    return len(ids)
