"""The sweeper: a boot step of the worker's main process that finds what crashes and lost bells left behind.

It runs on the worker's own timer and not on a thread, so that no lock of its can be held at a fork.
"""

from __future__ import annotations

import logging
from typing import Any

from celery import bootsteps
from celery.worker import state as worker_state

from notifier.delivery.epochs import EpochWatch
from notifier.errors import NotifierError
from notifier.model.events import MailsSwept
from notifier.tasks.bells import bell, ring
from notifier.tasks.broker_errors import BROKER_ERRORS
from notifier.tasks.broker_seen import broker_seen
from notifier.tasks.collector import call_the_collector
from notifier.tasks.depths import depths
from notifier.tasks.evidence import call_for_proof
from notifier.tasks.hooks import ring_hooks
from notifier.tasks.journal import tell_journal
from notifier.tasks.life import Life
from notifier.tasks.lost_credit import LostCredit
from notifier.tasks.lost_slots import LostSlots
from notifier.tasks.publishing import publish
from notifier.tasks.runtime import Runtime, runtime

log = logging.getLogger(__name__)

EXPIRES = 10.0  # seconds; the next call is as good
# Tasks of integrations, which a slot runs with each sweep or not at all: the main process waits for nobody's database.
also_called: list[Any] = []


class Sweeper(bootsteps.StartStopStep):
    """Every sweep interval: sweep each queue that the worker consumes."""

    # Behind the worker's registration: what a sweep rings for is by the slots that are known.
    requires = ("celery.worker.components:Timer", "celery.worker.components:Pool", Life)

    def __init__(self, worker: Any, **_: Any) -> None:
        super().__init__(worker)
        self._entry: Any = None
        self._watch: EpochWatch | None = None
        self._lost = (LostSlots(), LostCredit())

    def start(self, worker: Any) -> None:
        """Sweep soon after the worker is up, and then regularly."""
        interval = runtime().settings.sweep_interval
        worker.timer.call_after(0.1, self._tick, (worker,))
        self._entry = worker.timer.call_repeatedly(interval, self._tick, (worker,))

    def stop(self, worker: Any) -> None:
        """No sweep begins any more."""
        del worker
        if self._entry is not None:
            self._entry.cancel()

    def terminate(self, worker: Any) -> None:
        """The same in a hurry."""
        self.stop(worker)

    def _tick(self, worker: Any) -> None:
        was_away = broker_seen.away
        self._sweep(worker)
        if broker_seen.away != was_away:  # a probe need not wait for the next sweep to hear of it
            worker.notifier_life.tell(worker)

    def _sweep(self, worker: Any) -> None:
        mine = runtime()
        queues = sorted(worker.app.amqp.queues.consume_from)
        try:
            for lost in self._lost:
                lost.look(worker)
            tell_journal()
            self._look_at_epoch(mine)
            for queue in queues:
                sweep(queue)
            # Where messages wait already, slots are busy, and one more would only add to the heap.
            # An app of somebody else's may have a queue that is never empty.
            mail = {one.queue for one in mine.settings.classes.values()}
            calling = next((queue for queue in queues if queue in mail), None) or next(iter(queues), None)
            if calling and mine.store.may_collect() and _no_bell_waits(calling):
                call_the_collector(calling)
            if calling and also_called and _no_bell_waits(calling):
                _call_the_others(calling)
        except NotifierError as error:
            log.warning("sweep put off to the next interval: %s", error)

    def _look_at_epoch(self, mine: Runtime) -> None:
        # After the journal: what it holds of data that was restored is the ledger's still, and gets a new mark now.
        if self._watch is None:
            self._watch = EpochWatch(mine.store, mine.listener)
        self._watch.look()


def _call_the_others(queue: str) -> None:
    for task in also_called:
        try:
            publish(task, queue=queue, expires=EXPIRES)
        except BROKER_ERRORS as error:
            log.debug("%s was not called: %s", task.name, type(error).__name__)


def sweep(queue: str) -> MailsSwept:
    """One sweep of one queue, with the bells that it calls for."""
    mine = runtime()
    swept = mine.store.sweep(queue, broker_idle=_no_bell_waits(queue))
    ring(queue, swept.bells)
    ring_hooks(queue)
    call_for_proof(queue)
    event = MailsSwept(queue, swept.leases_over, swept.quarantined, swept.unknown, swept.parked, len(swept.bells))
    mine.listener(event)
    return event


def _no_bell_waits(queue: str) -> bool:
    """True where neither the broker nor this worker holds a message of the queue that is not begun.

    A rung bell that still lies there will be answered: ringing again would only add to the heap.
    """
    if any(_is_bell_of(queue, request) for request in worker_state.reserved_requests - worker_state.active_requests):
        return False
    # What is not known is taken for an empty queue: a doubled bell is harmless, a silent queue is not.
    return broker_seen.just_missed or depths.of(queue) == 0


def _is_bell_of(queue: str, request: Any) -> bool:
    return request.name == bell.name and bool(request.args) and request.args[0] == queue
