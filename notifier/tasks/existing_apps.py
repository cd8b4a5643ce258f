"""Our tasks on a Celery app of somebody else's: added to it, joined with its workers, and what stands in the way named."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from celery import Celery, Task
from celery.apps.worker import Worker as Program
from celery.local import Proxy
from celery.signals import beat_init, celeryd_init, worker_init
from kombu import Exchange, Queue

from notifier.errors import ConfigurationError
from notifier.settings import Settings
from notifier.tasks import report, worker  # noqa: F401 - they bring every task and the signal handlers
from notifier.tasks.app import DEFINED, point_at_broker
from notifier.tasks.bells import gate
from notifier.tasks.checks import attempt_budget
from notifier.tasks.half_read import keep_half_read_results
from notifier.tasks.life import Life
from notifier.tasks.metrics_server import MetricsStep
from notifier.tasks.odd_messages import guard_worker
from notifier.tasks.read_bells import keep_read_bells_in_memory
from notifier.tasks.registered import is_registered, remember
from notifier.tasks.report_modules import load_reports_of_worker
from notifier.tasks.runtime import forget_settings, settings
from notifier.tasks.sweeper import Sweeper

HARD_LIMIT = 2760  # seconds
# What an app sets for its own tasks must not hold for ours: a bell is JSON, has no result, and waits patiently for SMTP.
OURS: dict[str, Any] = {
    "serializer": "json",
    "ignore_result": True,
    "store_errors_even_if_ignored": False,  # beside one, extended results keep a mail's addresses and context
    "soft_time_limit": 2700,
    "time_limit": HARD_LIMIT,
    "rate_limit": 0,  # none
}
ACKNOWLEDGING = ("acks_late", "reject_on_worker_lost")


def add_tasks(app: Celery) -> None:
    """See `notifier.tasks.register`."""
    app = app._get_current_object() if isinstance(app, Proxy) else app  # `current_app` is one
    if not isinstance(app, Celery):
        raise TypeError(f"register takes a Celery app, not {type(app).__name__}")
    if is_registered(app):
        return
    check_names(app)
    for fun, options in DEFINED:
        app.task(**{"base": Task, **OURS, **options})(fun)
    app.steps["worker"] |= {Life, MetricsStep, Sweeper}
    remember(app)
    forget_settings()  # those of the environment alone would not know this app's broker
    gate.suspect()


def check_names(app: Celery) -> None:
    """Raises `ConfigurationError` where the app has other tasks under names of ours."""
    own = {options["name"]: fun for fun, options in DEFINED}
    found = ((name, task) for name, task in app._tasks.items() if name in own)  # type: ignore[attr-defined]  # finalises nothing
    problems = [
        f"the Celery app {app.main!r} has a task {name!r} of its own, in {type(task).__module__}; give that another name"
        for name, task in found
        if type(task).__module__ != own[name].__module__
    ]
    if problems:
        raise ConfigurationError(problems)


@beat_init.connect
def join_beat(sender: Any, **_: Any) -> None:
    """The entry that sends reports, in a registered app's beat. It is not there before: a look at an app's settings fixes them."""
    if is_registered(sender.app) and report.ENTRY not in sender.app.conf.beat_schedule:
        sender.scheduler.update_from_dict({report.ENTRY: dict(report.BEAT_ENTRY)})  # it has read the settings by now


@celeryd_init.connect
def join_worker(instance: Any, **_: Any) -> None:
    """Before a worker of such an app chooses its queues. What cannot work ends its start with all the reasons."""
    if is_registered(instance.app):
        for queue in _joined(instance.app):
            instance.app.amqp.queues.select_add(queue)


@worker_init.connect
def join_embedded_worker(sender: Any, **_: Any) -> None:
    """Celery's worker for tests (`celery.contrib.testing`) is no program, and chooses its queues before it is heard of."""
    if isinstance(sender, Program) or not is_registered(sender.app):
        return
    queues = sender.app.amqp.queues
    everything = queues._consume_from is None  # it was started without ``queues``
    for queue in _joined(sender.app):
        (queues.select_add if everything else queues.add)(queue)


def _joined(app: Celery) -> list[Queue]:
    """The queues that it may consume now. Raises `SystemExit`: Celery's signals swallow everything else."""
    try:
        check_names(app)
        point_at_broker()
        queues = mail_queues(settings())
        problems = [*_contents(app), *_limits(settings()), *_other_queues(app, queues)]
        if problems:
            raise ConfigurationError(problems)
    except ConfigurationError as error:
        raise SystemExit(str(error)) from None
    load_reports_of_worker(settings())
    guard_worker()
    keep_half_read_results()
    keep_read_bells_in_memory()
    keep_ours(app)
    return [_queue(app, name) for name in queues]


def keep_ours(app: Celery) -> None:
    """Again, for ``task_annotations`` for every task have changed ours as well."""
    for _, options in DEFINED:
        task = app.tasks[options["name"]]
        for name, value in {**OURS, **options}.items():
            if name in OURS or name in ACKNOWLEDGING:
                setattr(task, name, value)


def mail_queues(chosen: Settings) -> list[str]:
    """Those of the mail classes."""
    return sorted({one.queue for one in chosen.classes.values()} | {"mail.urgent", "mail", "mail.bulk"})


def _contents(app: Celery) -> Iterator[str]:
    if not {"json", "application/json"} & set(app.conf.accept_content):
        yield f"accept_content of the Celery app {app.main!r} has no json, and Notifier's messages are json; add it"


def _limits(chosen: Settings) -> Iterator[str]:
    budget = attempt_budget(chosen)
    if budget >= OURS["soft_time_limit"]:
        yield (
            f"one mail may take {budget:g} s by the deadlines in NOTIFIER_SMTP_URL, and Notifier's tasks end after "
            f"{OURS['soft_time_limit']} s; shorten the deadlines"
        )


def _other_queues(app: Celery, queues: list[str]) -> Iterator[str]:
    for name in queues:
        queue = app.amqp.queues.get(name)
        if queue is not None and queue.exchange.type != "direct":
            yield (
                f"the Celery app {app.main!r} has a queue {name!r} with a {queue.exchange.type} exchange, and a bell has to "
                "reach that queue alone; rename it, or give the mail classes other queues (NOTIFIER_POLICIES)"
            )


def _queue(app: Celery, name: str) -> Queue:
    """The app's own where it has one; else as the app would make it, but bells go to the queue that they name."""
    queues = app.amqp.queues
    if name in queues:
        return queues[name]
    made = queues.new_missing(name) if hasattr(queues, "new_missing") else Queue(name)
    direct = made.exchange is None or made.exchange.type == "direct"
    exchange = made.exchange if made.exchange is not None and direct else Exchange(name, type="direct")
    return Queue(name, exchange, routing_key=name, queue_arguments=made.queue_arguments)
