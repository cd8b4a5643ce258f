"""What rows say and have attached, read from the database in portions that a process can hold."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from uuid import UUID

from django.db.models.functions import Length

from notifier.integrations.django.models import OutboxBlob, OutboxMail
from notifier.integrations.django.outbox_ledger import Held

PORTION = 32 * 2**20  # octets; a hundred mails have each what a mail may have


@dataclass(frozen=True, slots=True)
class _Sizes:
    """Of payloads by their rows' ids, and of blobs by theirs; ``links`` says which rows have which."""

    payloads: dict[UUID, int]
    blobs: dict[int, int]
    links: dict[UUID, list[int]]


def portions(alias: str, rows: Sequence[OutboxMail]) -> Iterator[list[Held]]:
    """The rows in their order, with their contents; a portion has `PORTION` octets at most, or those of one row.

    Without those that somebody has deleted meanwhile.
    """
    sizes = _sizes(alias, [row.id for row in rows])
    there = [row for row in rows if row.id in sizes.payloads]
    return (_read(alias, group, sizes) for group in _grouped(there, sizes))


def _sizes(alias: str, ids: Sequence[UUID]) -> _Sizes:
    payloads = OutboxMail.objects.using(alias).filter(id__in=ids).values_list("id", Length("payload"))
    links = OutboxMail.blobs.through.objects.using(alias).filter(outboxmail__in=ids)
    found = _Sizes(dict(payloads), {}, {})
    for mail_id, blob_id, size in links.values_list("outboxmail_id", "outboxblob_id", Length("outboxblob__octets")):
        found.links.setdefault(mail_id, []).append(blob_id)
        found.blobs[blob_id] = size
    return found


def _grouped(rows: Sequence[OutboxMail], sizes: _Sizes) -> Iterator[list[OutboxMail]]:
    group: list[OutboxMail] = []
    blobs: set[int] = set()
    total = 0
    for row in rows:
        more = set(sizes.links.get(row.id, ()))
        total += sizes.payloads[row.id] + sum(sizes.blobs[one] for one in more - blobs)
        if group and total > PORTION:
            yield group
            group, blobs = [], set()
            total = sizes.payloads[row.id] + sum(sizes.blobs[one] for one in more)
        group.append(row)
        blobs |= more
    if group:
        yield group


def _read(alias: str, group: Sequence[OutboxMail], sizes: _Sizes) -> list[Held]:
    payloads = dict(
        OutboxMail.objects.using(alias).filter(id__in=[row.id for row in group]).values_list("id", "payload")
    )
    wanted = {one for row in group for one in sizes.links.get(row.id, ())}
    blobs = OutboxBlob.objects.using(alias).in_bulk(wanted) if wanted else {}
    held = []
    for row in group:
        row.payload = payloads.get(row.id, b"")
        theirs = (blobs[one] for one in sizes.links.get(row.id, ()) if one in blobs)
        held.append(Held(row, {blob.name: bytes(blob.octets) for blob in theirs}))
    return held
