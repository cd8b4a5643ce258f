"""What a worker is more than an app: the sweeper, the shutdown of pools, the check of the settings at start."""

from __future__ import annotations

import gc
import logging
from typing import Any

from celery import Celery
from celery.signals import (
    after_setup_logger,
    after_setup_task_logger,
    celeryd_init,
    worker_init,
    worker_process_shutdown,
    worker_shutdown,
)
from kombu import Queue

from notifier.errors import ConfigurationError
from notifier.settings import Settings
from notifier.tasks import (  # noqa: F401 - they register the tasks, the beat and signal handlers
    beat_life,
    bells,
    collector,
    evidence,
    hooks,
    other_queues,
    report,
    send,
)
from notifier.tasks.app import app, our_task, point_at_broker
from notifier.tasks.checks import check_celery
from notifier.tasks.consumer import Consumer
from notifier.tasks.half_read import keep_half_read_results
from notifier.tasks.journal import tell_journal
from notifier.tasks.life import Life
from notifier.tasks.metrics_server import MetricsStep
from notifier.tasks.odd_messages import guard_worker
from notifier.tasks.orders import orders
from notifier.tasks.rabbitmq import is_rabbitmq, quorum_queues
from notifier.tasks.read_bells import keep_read_bells_in_memory
from notifier.tasks.report_modules import load_reports_of_worker
from notifier.tasks.runtime import runtime, settings, share_code, shut_down
from notifier.tasks.sweeper import Sweeper, sweep
from notifier.telemetry import tracing
from notifier.telemetry.json_lines import JsonLines
from notifier.telemetry.sink import unblock

CLOSE_GRACE = 10.0  # seconds that lent sessions get at the end of a process
FLUSH_GRACE = 5.0  # seconds that spans get then


def create_worker_app(config: str | None = "celeryconfig") -> Celery:
    """The app as `celery -A worker worker` runs it. Settings that cannot work end the start with all their reasons."""
    if config is not None:
        app.config_from_object(config)
    try:
        point_at_broker()
        _consume_every_class(settings())
        check_celery(app.conf, settings())
    except ConfigurationError as error:
        raise SystemExit(str(error)) from None
    load_reports_of_worker(settings())
    app.conf.beat_schedule.setdefault(report.ENTRY, dict(report.BEAT_ENTRY))
    guard_worker()
    keep_half_read_results()
    keep_read_bells_in_memory()
    app.steps["worker"] |= {Life, MetricsStep, Sweeper}
    app.set_current()
    return app


def _consume_every_class(chosen: Settings) -> None:
    """Where no queues are named Celery consumes its default one, and mails of other classes would wait for ever."""
    if app.conf.task_queues is None:
        app.conf.task_queues = [Queue(name) for name in sorted({one.queue for one in chosen.classes.values()})]
    if is_rabbitmq(chosen.broker_url.reveal()):
        app.conf.task_queues = quorum_queues(app.conf.task_queues)
        app.conf.worker_consumer = f"{Consumer.__module__}:{Consumer.__qualname__}"


@our_task(name="notifier.sweep", ignore_result=True, shared=False)
def sweep_queues() -> None:
    """Sweep every queue of the store: beat's safety net for queues that no living worker consumes by name."""
    tell_journal()
    for queue in runtime().store.queues():
        sweep(queue)


@worker_init.connect
def share_code_of_templates(**_: Any) -> None:
    """Before the pool is made."""
    share_code()


@worker_init.connect
def keep_what_the_start_has_made(**_: Any) -> None:
    """Modules and classes are there for good: the garbage collector passes them over from here on.

    Else each of its full rounds looked at all of them, in the middle of somebody's mail, and wrote to every page that a child shares
    with its parent.
    """
    gc.freeze()


@worker_process_shutdown.connect
def end_child(**_: Any) -> None:
    """QUIT to the relays of a prefork child's own pool."""
    shut_down(CLOSE_GRACE)


@worker_shutdown.connect
def end_worker(sender: Any, **_: Any) -> None:
    """The main process signs off; with threads for slots, QUIT to the relays."""
    if (life := getattr(sender, "notifier_life", None)) is not None:
        life.over()
        orders.release()
    shut_down(CLOSE_GRACE)


@worker_process_shutdown.connect
@worker_shutdown.connect
def flush_spans(**_: Any) -> None:
    """A child that is recycled ends without Python's own goodbyes, and would take its last spans along."""
    tracing.flush(FLUSH_GRACE)


@after_setup_logger.connect
@after_setup_task_logger.connect
def unblock_log(logger: logging.Logger, **_: Any) -> None:
    """Whoever reads the log may stop, and the mail goes on."""
    unblock(logger)


@after_setup_logger.connect
@after_setup_task_logger.connect
def format_log(logger: logging.Logger, **_: Any) -> None:
    """As JSON, where the settings say so."""
    if _is_for_programs():
        for handler in logger.handlers:
            handler.setFormatter(JsonLines())


@celeryd_init.connect
def leave_out_banner(instance: Any, **_: Any) -> None:
    """Celery's, which is for people: containers put what is said and the log into one."""
    if _is_for_programs():
        instance.quiet = True


def _is_for_programs() -> bool:
    """False too in a process whose settings cannot be read; something else will say that."""
    try:
        return settings().log == "json"
    except ConfigurationError:
        return False
