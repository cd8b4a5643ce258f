"""How everything stands, for `notifier status` and whoever watches: queues, pauses, breakers, workers, the epoch."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from notifier.model.breaker import Opened
from notifier.model.pause import Pause
from notifier.model.state import MailState
from notifier.model.worker import WorkerRecord
from notifier.pool.relays import place_of
from notifier.smtp import Endpoint
from notifier.smtp.trust import Unauthenticated
from notifier.store.base import EpochChange, Store
from notifier.tasks.runtime import Runtime, runtime

RECENT = 24 * 3600.0  # seconds that a change of the store's epoch is told


@dataclass(frozen=True, slots=True)
class QueueStands:
    """``counts`` of ended mails are since the store began. ``slots`` of workers that live. ``first_due_at``: when the
    oldest waiting mail is or was due, seconds since the epoch.
    """

    queue: str
    counts: Mapping[MailState, int]
    slots: int
    first_due_at: float | None


@dataclass(frozen=True, slots=True)
class Overview:
    """``breakers``: of the relays in the settings, with their names."""

    queues: Sequence[QueueStands]
    pauses: Mapping[Pause, str]
    breakers: Sequence[tuple[str, Opened]]
    changes: Sequence[EpochChange]
    workers: Sequence[WorkerRecord]


def overview() -> Overview:
    """How everything stands now. Raises `StoreUnavailable`."""
    mine = runtime()
    store = mine.store
    queues = [_stands(store, queue) for queue in store.queues()]
    return Overview(queues, store.pauses(), list(opened_breakers(mine)), recent_changes(store), store.workers())


def recent_changes(store: Store) -> list[EpochChange]:
    """What happened to the store's data in the last day."""
    return [change for change in store.epoch_changes() if time.time() - change.at < RECENT]


def _stands(store: Store, queue: str) -> QueueStands:
    counts = store.counts(queue)
    first = store.list_mails(queue, MailState.WAITING, limit=1) if counts[MailState.WAITING] else []
    return QueueStands(queue, counts, store.live_slots(queue), first[0].due_at if first else None)


def opened_breakers(mine: Runtime) -> Iterator[tuple[str, Opened]]:
    """Of the relays in the settings, by their names. Raises `StoreUnavailable`."""
    for endpoint in relays_in_settings(mine):
        for one in mine.store.breakers.opened(place_of(endpoint)):
            yield endpoint.name, one


def relays_in_settings(mine: Runtime) -> list[Endpoint]:
    """The recipients' own servers (``mx://``) are left out: nobody has a list of them."""
    return [one for one in dict.fromkeys(mine.settings.endpoints) if not isinstance(one.trust, Unauthenticated)]
