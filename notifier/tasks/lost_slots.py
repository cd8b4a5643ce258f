"""`LostSlots`: what a broken connection to the broker takes from a worker's pool is given back.

Where the connection breaks, the pool forgets each message that it has handed to a child and not yet seen begun, and when
the child is done nobody releases its place (billiard 4.3: ``on_ready`` returns where the job is not in its cache). With
the last place lost, messages wait in the main process for ever, and every child is idle.
"""

from __future__ import annotations

import logging
from typing import Any

from celery.worker import state as worker_state

log = logging.getLogger(__name__)

SWEEPS = 2  # whole intervals that a message may wait beside an idle slot: a child that is being replaced takes a moment


class LostSlots:
    """One worker's. Not shared between threads: the sweeper looks."""

    def __init__(self) -> None:
        self._waits: dict[str, int] = {}  # for how many sweeps, by the message's id

    def look(self, worker: Any) -> int:
        """Give back as many places as messages wait for in vain; returns the number. More than there are is harmless."""
        active = worker_state.active_requests
        ids = {request.id for request in worker_state.reserved_requests - active}
        self._waits = {one: self._waits.get(one, -1) + 1 for one in ids}
        idle = (worker.concurrency or 1) - len(active)
        lost = min(idle, sum(sweeps >= SWEEPS for sweeps in self._waits.values()))
        if worker.semaphore is None or lost <= 0:
            return 0
        log.warning("%d slots of the pool were lost when the broker's connection broke, and are given back", lost)
        for _ in range(lost):
            worker.semaphore.release()
        return lost
