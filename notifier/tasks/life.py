"""The life of a worker: a boot step of its main process that says it lives, hears the signals to end, and says goodbye.

SIGTERM, SIGINT and SIGQUIT are Celery's, and do what Celery does; before that each slot is told to claim nothing more.
SIGHUP reads the settings again, in workers of our own app: those of somebody else's do what their app wants.
"""

from __future__ import annotations

import logging
import os
import signal
import threading
import time
from collections.abc import Callable
from types import FrameType
from typing import Any

from celery import bootsteps
from celery.worker.consumer import consumer as celery_consumer
from celery.worker.state import maybe_shutdown

from notifier.errors import NotifierError
from notifier.model.worker import WorkerState
from notifier.tasks import ways_out
from notifier.tasks.app import app
from notifier.tasks.broker_seen import broker_seen
from notifier.tasks.health_file import HealthFile
from notifier.tasks.journal import tell_journal
from notifier.tasks.orders import orders
from notifier.tasks.presence import pool_kind, record_of
from notifier.tasks.runtime import runtime
from notifier.telemetry.sink import unblock_descriptor

log = logging.getLogger(__name__)

TTL_SWEEPS = 4  # a worker that was silent for so many sweeps no longer counts
# So many, and its main process is stuck. Longer than a half-open broker holds it up (socket_timeout, some times in a sweep).
STUCK_SWEEPS = 12
STDOUT = 1
NO_BROKER = "the broker is not reached"
ENDING = (signal.SIGTERM, signal.SIGINT, signal.SIGQUIT)
# Their threads are green: in a signal's handler, none can be started.
GREEN = ("gevent", "eventlet")


class Life(bootsteps.StartStopStep):
    """Every sweep interval: say that the worker lives, in the store and in the health file."""

    requires = ("celery.worker.components:Timer", "celery.worker.components:Pool")

    def __init__(self, worker: Any, **_: Any) -> None:
        super().__init__(worker)
        worker.notifier_life = self
        self._worker = worker
        self._next_tick = 0.0
        orders.prepare()
        ways_out.begin_worker()
        self._health = HealthFile(None, 0.0)
        self._entry: Any = None
        self._over = threading.Event()
        self._farewell: threading.Thread | None = None

    def start(self, worker: Any) -> None:
        """Say it soon after the worker is up, and then regularly."""
        settings = runtime().settings
        self._interval = settings.sweep_interval
        self._health = HealthFile(settings.health_file, self._interval * STUCK_SWEEPS)
        self._hear_signals(worker)
        celery_consumer.maybe_shutdown = self._called_while_reconnecting  # type: ignore[attr-defined]  # it imports it
        worker.timer.call_after(0.1, self.tell, (worker,))
        self._entry = worker.timer.call_repeatedly(self._interval, self.tell, (worker,))

    def stop(self, worker: Any) -> None:
        """Nothing new is claimed; what is under way is waited for by the pool, and meanwhile we say so."""
        if self._entry is not None:
            self._entry.cancel()
        orders.drain()
        self._say_farewell(worker)

    def terminate(self, worker: Any) -> None:
        """The same in a hurry."""
        self.stop(worker)
        self.over()

    def over(self) -> None:
        """Everything is settled, and nobody sees the worker any more."""
        self._over.set()
        try:
            if self._farewell is not None:
                self._farewell.join(2 * runtime().settings.store_timeout)
            self._health.remove()
            runtime().store.forget_worker(runtime().owner)
            _tell_what_lies_here()  # where the ledger is away, the host's next worker does
        except (NotifierError, OSError) as error:
            log.warning("worker not signed off, its slots count until their time is over: %s", error)

    # saying it ------------------------------------------------------------------------------------------------------

    def tell(self, worker: Any) -> None:
        """That it lives, and what is in its way."""
        self._next_tick = time.monotonic() + self._interval
        state = WorkerState.DRAINING if orders.draining else WorkerState.RUNNING
        mine = runtime()
        try:
            mine.store.register_worker(record_of(worker, mine.owner, state), self._interval * TTL_SWEEPS)
        except NotifierError as error:
            log.warning("worker not registered, its slots may not count: %s", error)
            self._health.tell(str(error))
            return
        self._health.tell(_hindrance(worker, state))
        _tell_what_lies_here()

    def _say_farewell(self, worker: Any) -> None:
        """On a thread: the main process waits for its slots, and its timer stands still."""
        if self._farewell is None:
            self._farewell = threading.Thread(target=self._go_on_saying_it, args=(worker,), daemon=True)
            self._farewell.start()

    def _go_on_saying_it(self, worker: Any) -> None:
        while not self._over.is_set():
            self.tell(worker)
            self._over.wait(self._interval)

    def _called_while_reconnecting(self) -> None:
        """Each second while Celery tries to reach the broker: its timer stands still, and the worker is not stuck for that."""
        if time.monotonic() >= self._next_tick:
            self.tell(self._worker)
        maybe_shutdown()

    # hearing it -----------------------------------------------------------------------------------------------------

    def _hear_signals(self, worker: Any) -> None:
        if threading.current_thread() is not threading.main_thread():
            return  # a worker inside a test, say; Celery hears none there either
        if worker.app is app:  # what somebody else's tasks print is their own affair
            unblock_descriptor(STDOUT)  # Celery's handlers say there that they have heard it, before the worker ends
        for number in ENDING:
            _put_before(number, lambda: self._told_to_end(worker))
        on_a_terminal = getattr(worker, "_isatty", True)  # where it is closed, SIGHUP means that
        if worker.app is app and not on_a_terminal:
            signal.signal(signal.SIGHUP, lambda *_: orders.reload())

    def _told_to_end(self, worker: Any) -> None:
        orders.drain()
        if pool_kind(worker.pool_cls) not in GREEN:
            self._say_farewell(worker)


def _tell_what_lies_here() -> None:
    """No sweep comes while Celery looks for its broker or a worker ends, and one on another host calls unknown what lies here."""
    try:
        tell_journal()
    except NotifierError as error:
        log.warning("what the journal of this host holds stays there for now: %s", error)


def _put_before(number: signal.Signals, ours: Callable[[], None]) -> None:
    theirs = signal.getsignal(number)
    if not callable(theirs):
        return
    main_process = os.getpid()

    def both(signum: int, frame: FrameType | None) -> None:
        if os.getpid() == main_process:  # a child has our handlers too, and its end is not the worker's
            ours()
        theirs(signum, frame)

    signal.signal(number, both)


def _hindrance(worker: Any, state: WorkerState) -> str:
    if state is WorkerState.DRAINING:
        return "it was told to end"
    connection = getattr(getattr(worker, "consumer", None), "connection", None)
    reached = connection is not None and connection.connected and not broker_seen.away
    return "" if reached else NO_BROKER
