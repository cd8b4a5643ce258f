"""The transactional outbox: `write` puts mails beside the rows of the application, in the same transaction.

After the commit they are handed to the ledger at once where that answers, and by the sweeper where it does not. A mail of
a transaction that was rolled back never was.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Sequence
from datetime import timedelta
from functools import partial

from django.db import DatabaseError, router, transaction
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
MOST_AT_ONCE = 100  # mails that a request hands over by itself; a campaign is the sweeper's
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
    by_request = held if len(held) <= MOST_AT_ONCE else []
    for one in by_request:
        one.row.look_at = now + GRACE
    with transaction.atomic(using=alias):
        _insert(alias, held)
    transaction.on_commit(partial(promptly, alias, by_request), using=alias, robust=True)


def _insert(alias: str, held: Sequence[Held]) -> None:
    OutboxMail.objects.using(alias).bulk_create([one.row for one in held], batch_size=500)
    kept: dict[str, OutboxBlob] = {}
    for name, octets in {name: octets for one in held for name, octets in one.blobs.items()}.items():
        # One by one: an insert of many does not tell their keys on every database.
        kept[name] = OutboxBlob.objects.using(alias).create(name=name, octets=sealed(octets))
    link = OutboxMail.blobs.through
    links = [link(outboxmail_id=one.row.id, outboxblob_id=kept[name].pk) for one in held for name in one.blobs]
    link.objects.using(alias).bulk_create(links, batch_size=500)


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


def promptly(alias: str, held: Sequence[Held]) -> None:
    """Hand over what this request has committed. It is too late to refuse anything, so nothing is raised."""
    if not held or patience.is_over():
        return
    try:
        hand_over(alias, held)
    except (NotifierError, DatabaseError, OSError) as error:
        patience.lose()
        log.warning("%d committed mails are left to the outbox' sweeper: %s", len(held), error)
