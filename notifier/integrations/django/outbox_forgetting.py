"""A person who wants to be forgotten is taken out of the outbox, as `notifier purge` takes him out of the ledger."""

from __future__ import annotations

from collections.abc import Iterator

from django.db.models import QuerySet

from notifier.integrations.django.models import OutboxMail, OutboxState
from notifier.model.address import Address


def forget(alias: str, address: str) -> tuple[int, list[str]]:
    """Take the address out of rows that are settled: how many, and the ids of those that are not settled and have it.

    Raises `InvalidAddress`.
    """
    path = Address.parse(address).forward_path
    busy = []
    done = 0
    for row in _with(alias, path):
        if row.state == OutboxState.SETTLED:
            others = [one for one in row.recipients.split("\n") if one.lower() != path.lower()]
            done += OutboxMail.objects.using(alias).filter(id=row.id).update(recipients="\n".join(others))
        else:
            busy.append(str(row.id))
    return done, busy


def _with(alias: str, path: str) -> Iterator[OutboxMail]:
    # A database that knows the capitals of ASCII only (SQLite) is not asked for others.
    known = path if path.isascii() else "@"
    found: QuerySet[OutboxMail] = OutboxMail.objects.using(alias).filter(recipients__icontains=known)
    return (row for row in found.defer("payload") if path.lower() in row.recipients.lower().split("\n"))
