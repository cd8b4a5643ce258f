"""A worker as others see it: who it is, which version runs there, and what it is at."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class WorkerState(StrEnum):
    """What a worker is at."""

    RUNNING = "running"
    DRAINING = "draining"  # it claims nothing any more, and ends when the mails in work are settled


@dataclass(frozen=True, slots=True)
class WorkerRecord:
    """The main process of a worker, as it was when it last gave a sign of life.

    ``id`` is unique for each start; ``name`` is Celery's node name, which two workers may share. ``started_at`` is by
    the worker's clock and ``seen_at`` by the store's, seconds since the epoch. ``busy`` of ``concurrency`` slots have a
    task. ``pool_kind``: prefork, threads, gevent and so on.
    """

    id: str
    name: str = ""
    host: str = ""
    pid: int = 0
    version: str = ""
    started_at: float = 0.0
    seen_at: float = 0.0
    state: WorkerState = WorkerState.RUNNING
    queues: tuple[str, ...] = ()
    concurrency: int = 1
    busy: int = 0
    pool_kind: str = ""

    @property
    def place(self) -> str:
        """Host and process, which a child of the process knows too."""
        return place_of_worker(self.host, self.pid)


def place_of_worker(host: str, pid: int) -> str:
    """Where a worker's main process runs."""
    return f"{host}:{pid}"
