"""`RedisWorkers`: the workers that live, with what each says of itself."""

from __future__ import annotations

import json
from dataclasses import asdict, fields
from typing import Any

from notifier.model.worker import WorkerRecord, WorkerState
from notifier.store.connection import Call, LedgerConnection
from notifier.store.keys import Keys
from notifier.store.records import ms

KNOWN = frozenset(field.name for field in fields(WorkerRecord))


class RedisWorkers:
    """Nothing is waited for on the disk: a worker says it again in a moment."""

    def __init__(self, connection: LedgerConnection, keys: Keys) -> None:
        self._connection = connection
        self._keys = keys

    def lives(self, worker: WorkerRecord, ttl: float) -> Call:
        """What to run so that it is known for ``ttl`` seconds."""
        return self._call("lives", worker.id, json.dumps(asdict(worker), ensure_ascii=False), ms(ttl))

    def ends(self, worker_id: str) -> Call:
        """What to run so that it is known no more."""
        return self._call("ends", worker_id)

    def all(self) -> list[WorkerRecord]:
        """By name. Raises `StoreUnavailable`."""
        (found,) = self._connection.run([self._call("all")])
        return sorted(map(_read, found), key=lambda one: (one.name, one.started_at, one.id))

    def _call(self, *arguments: str | int) -> Call:
        return Call("workers", self._keys.workers, arguments)


def _read(told: bytes) -> WorkerRecord:
    """A worker of another version may say more, or less."""
    seen, _, text = told.partition(b" ")
    said: dict[str, Any] = {name: value for name, value in json.loads(text).items() if name in KNOWN}
    state = said.get("state")
    said["state"] = WorkerState(state) if state in tuple(WorkerState) else WorkerState.RUNNING
    return WorkerRecord(**{**said, "seen_at": int(seen) / 1000, "queues": tuple(said.get("queues", ()))})
