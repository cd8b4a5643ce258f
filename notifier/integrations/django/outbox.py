"""The transactional outbox: `write` puts mails beside the rows of the application, in the same transaction.

After the commit they are handed to the ledger at once where that answers, and by the sweeper where it does not. A mail of
a transaction that was rolled back never was.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Mapping, Sequence
from datetime import timedelta
from functools import partial
from typing import TypeGuard

from django.db import Error as DatabaseError  # its InterfaceError is none of Django's DatabaseErrors
from django.db import connections, router, transaction
from django.utils import timezone

from notifier.delivery.intake import Accepted
from notifier.errors import NotifierError
from notifier.integrations.django.models import OutboxBlob, OutboxMail
from notifier.integrations.django.outbox_ledger import Held, hand_over
from notifier.integrations.django.outbox_rows import row_of, sealed
from notifier.model.octets import whole

log = logging.getLogger(__name__)

# What the request that wrote it has to hand it over. The sweeper comes later than that, so that it does not do it, too.
GRACE = timedelta(seconds=10)
MOST_AT_ONCE = 100  # mails of a transaction that a request hands over by itself; a campaign is the sweeper's
SMALL = 2**15  # octets of a blob that is inserted with others
PAUSE = 30.0  # seconds in which no request waits for a ledger that has kept another one waiting


def write(mails: Sequence[Accepted], using: str | None) -> None:
    """Keep mails in the database ``using`` (None: where the router writes them), with the transaction that is open there.

    Raises what the database raises; then nothing is kept. Once the transaction is committed, nothing is raised: what the
    ledger does not take now, the sweeper hands over.
    """
    if not mails:
        return
    alias = using or router.db_for_write(OutboxMail)
    now = timezone.now()
    # A database takes a value whole, so that here a big file is held, other than on the way to the blobs.
    held = [Held(row_of(mail, now), {name: whole(data) for name, data in mail.blobs.items()}) for mail in mails]
    by_request = _is_for_the_request(alias, len(held))
    for one in held if by_request else ():
        one.row.look_at = now + GRACE
    with transaction.atomic(using=alias):
        _insert(alias, held)
    if by_request:
        _promise(alias, held)


def _is_for_the_request(alias: str, more: int) -> bool:
    """Whether it hands over so many more. One that commits by hand (``set_autocommit(False)``) does not tell when it has."""
    connection = connections[alias]
    if not connection.in_atomic_block and not connection.get_autocommit():
        return False
    waiting = sum(len(promised.args[1]) for _, promised, *_ in connection.run_on_commit if _is_ours(promised))
    return waiting + more <= MOST_AT_ONCE


def _is_ours(hook: object) -> TypeGuard[partial[None]]:
    return isinstance(hook, partial) and hook.func is promptly


def _promise(alias: str, held: Sequence[Held]) -> None:
    """Hand them over after the commit: together with those of the calls before, where nothing else is to be done in between
    and no savepoint takes back the ones without the others.
    """
    connection = connections[alias]
    savepoints, promised, *_ = connection.run_on_commit[-1] if connection.run_on_commit else (None, None)
    is_next = savepoints == set(connection.savepoint_ids)
    together: list[Held] = promised.args[2] if is_next and _is_ours(promised) else []
    together.extend(held)
    transaction.on_commit(partial(promptly, alias, held, together), using=alias, robust=True)


def _insert(alias: str, held: Sequence[Held]) -> None:
    OutboxMail.objects.using(alias).bulk_create([one.row for one in held], batch_size=500)
    kept = _insert_blobs(alias, {name: octets for one in held for name, octets in one.blobs.items()})
    link = OutboxMail.blobs.through
    links = [link(outboxmail_id=one.row.id, outboxblob_id=kept[name]) for one in held for name in one.blobs]
    link.objects.using(alias).bulk_create(links, batch_size=500)


def _insert_blobs(alias: str, blobs: Mapping[str, bytes]) -> dict[str, int]:
    """Their keys, by their names."""
    rows = [OutboxBlob(name=name, octets=sealed(octets)) for name, octets in blobs.items()]
    # Big ones one by one: a server has its limit for a statement (MySQL's max_allowed_packet). And an insert of many does not
    # tell their keys on every database.
    together = connections[alias].features.can_return_rows_from_bulk_insert
    small = [row for row in rows if together and len(row.octets) <= SMALL]
    OutboxBlob.objects.using(alias).bulk_create(small, batch_size=100)
    for row in rows:
        if row.pk is None:
            row.save(using=alias, force_insert=True)
    return {row.name: row.pk for row in rows}


class Patience:
    """One process's memory of a ledger that did not answer."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._until = 0.0

    def is_over(self) -> bool:
        """True while requests do not wait for it."""
        return time.monotonic() < self._until

    def lose(self) -> None:
        """Somebody has waited in vain."""
        with self._lock:
            self._until = time.monotonic() + PAUSE


patience = Patience()


def promptly(alias: str, held: Sequence[Held], together: list[Held]) -> None:
    """Hand over what this request has committed, the first call ``together`` with what the next ones would have.

    It is too late to refuse anything, so nothing is raised.
    """
    # In a transaction it is a test's, which has captured these and not the others.
    chosen = held if connections[alias].in_atomic_block else list(together)
    together.clear()
    if not chosen or patience.is_over():
        return
    try:
        hand_over(alias, chosen)
    except (NotifierError, DatabaseError, OSError) as error:
        patience.lose()
        log.warning("%d committed mails are left to the outbox' sweeper: %s", len(chosen), error)
