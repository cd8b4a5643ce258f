"""Celery's settings that run well on a laptop and lose or delay mail later: what `notifier check --production` looks for.

`notifier.tasks.checks` refuses the start of a worker; these do not, for each is somebody's right decision.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from celery import Celery
from kombu import Queue

from notifier.model.worker import WorkerRecord
from notifier.settings import Settings
from notifier.settings.traps import Trap
from notifier.tasks.app import DEFINED
from notifier.tasks.checks import attempt_budget, check_celery_problems
from notifier.tasks.existing_apps import mail_queues
from notifier.tasks.presence import BEAT

REDIS = ("redis", "rediss", "redis+socket", "unix", "sentinel")
RABBIT = ("amqp", "amqps", "pyamqp")
FEW_TASKS = 1000  # each child that is replaced opens its sessions anew
LONGEST_LOCK = 300.0  # seconds of no report after a redbeat was killed
RESTORED_IN = 60.0  # seconds until what a killed worker had read is looked for
PAYLOADS = ("notifier.send_email", "notifier.send_message")
CONF = "in celeryconfig.py"


@dataclass(frozen=True, slots=True)
class Ground:
    """``app``: that of the workers; where it ``is_ours``, it is there for mail alone, and what is not is somebody else's
    affair. ``living``: what the store's registry knows.
    """

    app: Celery
    settings: Settings
    living: Sequence[WorkerRecord] = ()
    is_ours: bool = True

    @property
    def conf(self) -> Any:
        return self.app.conf

    @property
    def transport(self) -> dict[str, Any]:
        return dict(self.conf.broker_transport_options or {})

    def broker_is(self, schemes: Sequence[str]) -> bool:
        return self.settings.broker_url.reveal().partition("://")[0] in schemes

    def task(self, name: str) -> Any:
        return self.app.tasks[name]


def celery_traps(ground: Ground) -> Iterator[tuple[str, str]]:
    """What is wrong, and what to do. Those that end a worker's start come first."""
    if ground.is_ours:
        for problem in check_celery_problems(ground.conf, ground.settings):
            yield problem, "correct it there: no worker starts with it"
    for trap in TRAPS:
        if (seen := trap.look(ground)) is not None:
            yield seen, trap.advice


def _eager(found: Ground) -> str | None:
    return (
        "task_always_eager is on: tasks run in the caller, and no worker gets a mail"
        if found.conf.task_always_eager
        else None
    )


def _acks_of_bells(found: Ground) -> str | None:
    if found.task("notifier.bell").acks_late:
        return "notifier.bell is acknowledged late: a bell whose worker was killed comes back and rings for nothing"
    return None


def _acks_of_payloads(found: Ground) -> str | None:
    early = [name for name in PAYLOADS if not found.task(name).acks_late]
    return (
        f"{early[0]} is acknowledged early: a mail that was enqueued by name is lost with its worker" if early else None
    )


def _forgotten_payloads(found: Ground) -> str | None:
    forgotten = [name for name in PAYLOADS if not found.task(name).reject_on_worker_lost]
    if forgotten:
        return f"{forgotten[0]} is not given back where its child is killed: a late acknowledgement alone loses the mail then"
    return None


def _rejected_bells(found: Ground) -> str | None:
    bell = found.task("notifier.bell")
    if bell.reject_on_worker_lost or getattr(bell, "retry_on_worker_lost", False):
        return "a bell that ends its worker is given back, and ends the next one, without an end"
    return None


def _retried_bells(found: Ground) -> str | None:
    return "Celery retries notifier.bell, beside the ledger" if found.task("notifier.bell").max_retries else None


def _prefetch(found: Ground) -> str | None:
    many = found.conf.worker_prefetch_multiplier
    if many == 1:
        return None
    return f"worker_prefetch_multiplier is {many}: bells wait behind a slow one while another worker idles"


def _eta(found: Ground) -> str | None:
    if found.conf.worker_eta_task_limit is None:
        return "worker_eta_task_limit is not set: messages with an ETA fill a worker's memory"
    return None


def _scheduled_waits(found: Ground) -> str | None:
    for name, entry in (found.conf.beat_schedule or {}).items():
        if {"eta", "countdown"} & set((entry.get("options") or {}) if isinstance(entry, dict) else ()):
            return f"beat's entry {name!r} has an ETA: it waits in a worker, and past the visibility timeout in several"
    return None


def _rate(found: Ground) -> str | None:
    limited = [options["name"] for _, options in DEFINED if found.task(options["name"]).rate_limit]
    if limited:
        return f"{limited[0]} has a rate_limit: it holds for each worker apart, and what waits keeps its place in the worker"
    return None


def _priorities(found: Ground) -> str | None:
    conf = found.conf
    of_all = conf.task_default_priority, conf.task_queue_max_priority, found.transport.get("queue_order_strategy")
    of_some = [getattr(found.task(options["name"]), "priority", None) for _, options in DEFINED]
    of_queues = [
        getattr(queue, "max_priority", None)
        for queue in conf.task_queues or ()
        if isinstance(queue, Queue) and found.is_ours
    ]
    if {*of_all, *of_some, *of_queues, *_route_priorities(conf)} != {None}:
        return "messages have priorities: 0 is the highest with Redis and the lowest with RabbitMQ"
    return None


def _route_priorities(conf: Any) -> Iterator[Any]:
    routes = conf.task_routes if isinstance(conf.task_routes, Mapping) else {}
    for name, route in routes.items():
        if isinstance(name, str) and name.startswith(("notifier.", "*")) and isinstance(route, Mapping):
            yield route.get("priority")


def _results(found: Ground) -> str | None:
    kept = [options["name"] for _, options in DEFINED if not found.task(options["name"]).ignore_result]
    if found.is_ours and found.conf.result_backend not in (None, "disabled://"):
        return "result_backend is set: the ledger keeps what became of a mail, and this would keep it twice"
    return f"{kept[0]} keeps its result: the ledger has what became of a mail" if kept else None


def _no_limits(found: Ground) -> str | None:
    if found.task("notifier.bell").time_limit or found.conf.task_time_limit:
        return None
    return "task_time_limit is not set: a slot that hangs hangs for ever"


def _limits_of_a_task(found: Ground) -> str | None:
    """Those of all tasks end a worker's start, where they are too short."""
    attempt = attempt_budget(found.settings)
    for name in ("soft_time_limit", "time_limit"):
        limit = getattr(found.task("notifier.bell"), name)
        if limit is not None and limit <= attempt and limit != found.conf[f"task_{name}"]:
            return f"notifier.bell has a {name} of {limit:g} s, and one mail may take {attempt:g} s: it would be cut off, and be unknown"
    return None


def _idle_soft_shutdown(found: Ground) -> str | None:
    if found.conf.worker_soft_shutdown_timeout and not found.conf.worker_enable_soft_shutdown_on_idle:
        return "worker_enable_soft_shutdown_on_idle is off: SIGQUIT does not wait for a slot that has its bell and has not said so yet"
    return None


def _soft_shutdown(found: Ground) -> str | None:
    if found.conf.worker_soft_shutdown_timeout:
        return None
    return "worker_soft_shutdown_timeout is 0: SIGQUIT ends a mail that is under way, and it is unknown then"


def _cancelling(found: Ground) -> str | None:
    if found.conf.worker_cancel_long_running_tasks_on_connection_loss:
        return (
            "worker_cancel_long_running_tasks_on_connection_loss is on: with the broker's connection a send breaks off"
        )
    return None


def _few_tasks(found: Ground) -> str | None:
    many = found.conf.worker_max_tasks_per_child
    if many is not None and many < FEW_TASKS:
        return f"worker_max_tasks_per_child is {many}: sessions to the relay are opened anew all the time"
    return None


def _retry_on_startup(found: Ground) -> str | None:
    if not found.conf.broker_connection_retry_on_startup:
        return "broker_connection_retry_on_startup is off: a worker that starts before its broker ends"
    return None


def _channel_errors(found: Ground) -> str | None:
    if not found.conf.broker_channel_error_retry:
        return "broker_channel_error_retry is off: a broker that is full or becomes a replica ends the worker"
    return None


def _remote_control(found: Ground) -> str | None:
    if found.is_ours and found.conf.worker_enable_remote_control:
        return "worker_enable_remote_control is on: whoever reaches the broker can give orders to the workers"
    return None


def _no_timeout(found: Ground) -> str | None:
    if found.broker_is(REDIS) and not found.transport.get("socket_timeout"):
        return "broker_transport_options has no socket_timeout: a half-open broker is waited for without end"
    return None


def _no_keepalive(found: Ground) -> str | None:
    if found.broker_is(REDIS) and not found.transport.get("socket_keepalive"):
        return "broker_transport_options has no socket_keepalive: a connection that a firewall has forgotten is not noticed"
    return None


def _restore(found: Ground) -> str | None:
    """At each so-many-th interval kombu looks."""
    interval, throttle = (
        found.transport.get("unacked_restore_interval", 10),
        found.transport.get("unacked_restore_throttle", 10),
    )
    if found.broker_is(REDIS) and interval * throttle > RESTORED_IN:
        return (
            f"unacked_restore_interval is {interval:g} s and unacked_restore_throttle {throttle:g}: what a killed worker had read "
            f"comes back {interval * throttle:g} s later than it could"
        )
    return None


def _foreign_visibility(found: Ground) -> str | None:
    visibility = found.transport.get("visibility_timeout")
    bell = found.task("notifier.bell").time_limit or 0
    if found.is_ours or not found.broker_is(REDIS) or visibility is None or visibility > bell:
        return None
    return (
        f"visibility_timeout is {visibility:g} s, and a task of Notifier's may take {bell:g} s: it is handed out twice"
    )


def _classic_queues(found: Ground) -> str | None:
    if not found.broker_is(RABBIT):
        return None
    queues = found.app.amqp.queues
    for name in mail_queues(found.settings):
        queue = queues[name] if name in queues else queues.new_missing(name)
        if (queue.queue_arguments or {}).get("x-queue-type") != "quorum":
            return f"the queue {name} is a classic one: a node of RabbitMQ that is lost takes its messages along"
    return None


def _unconfirmed(found: Ground) -> str | None:
    if found.broker_is(RABBIT) and not found.transport.get("confirm_publish"):
        return (
            "RabbitMQ does not confirm what is published: a mail that was enqueued by name can be lost without a word"
        )
    return None


def _two_beats(found: Ground) -> str | None:
    beats = [one.name for one in found.living if one.pool_kind == BEAT]
    if len(beats) > 1:
        return f"{len(beats)} beats run, each with a schedule of its own ({', '.join(beats)}): all that they publish comes twice"
    return None


def _long_lock(found: Ground) -> str | None:
    conf = found.conf
    redbeat = "redbeat" in str(conf.beat_scheduler).lower()
    lock = conf.get("redbeat_lock_timeout") or 5 * (conf.beat_max_loop_interval or 300)
    seconds = lock.total_seconds() if isinstance(lock, timedelta) else float(lock)
    if redbeat and seconds > LONGEST_LOCK:
        return f"redbeat_lock_timeout is {seconds:g} s: so long nothing is scheduled after a beat was killed"
    return None


TRAPS: tuple[Trap[Ground], ...] = (
    Trap("task_always_eager", _eager, f"take it out {CONF}"),
    Trap("acks of bells", _acks_of_bells, f"take acks_late out of task_annotations {CONF}: the sweeper rings again"),
    Trap("acks of payloads", _acks_of_payloads, f"take acks_late out of task_annotations {CONF}"),
    Trap(
        "payloads not given back",
        _forgotten_payloads,
        f"take reject_on_worker_lost out of task_annotations {CONF}",
    ),
    Trap("bells given back", _rejected_bells, f"take reject_on_worker_lost and retry_on_worker_lost out {CONF}"),
    Trap(
        "bells retried",
        _retried_bells,
        f"take max_retries out of task_annotations {CONF}: waits are due times in the store",
    ),
    Trap("worker_prefetch_multiplier", _prefetch, f"set worker_prefetch_multiplier = 1 {CONF}"),
    Trap("worker_eta_task_limit", _eta, f"set worker_eta_task_limit = 1000 {CONF}; for a mail use send_at"),
    Trap("ETA of a schedule", _scheduled_waits, "take it out of its options; for a mail use send_at"),
    Trap(
        "rate_limit", _rate, "take it out, and limit by rate= in NOTIFIER_SMTP_URL, NOTIFIER_DOMAIN_RATES or a tenant"
    ),
    Trap("priorities", _priorities, "leave them out, and give urgent mail the queue mail.urgent (its mail class)"),
    Trap(
        "result_backend", _results, f"take it out {CONF} and set task_ignore_result = True; ask by notifier.status(id)"
    ),
    Trap("task_time_limit", _no_limits, f"set task_soft_time_limit = 2700 and task_time_limit = 2760 {CONF}"),
    Trap(
        "limits of a task",
        _limits_of_a_task,
        f"take them out of task_annotations {CONF}: SMTP's own deadlines end what hangs",
    ),
    Trap("worker_enable_soft_shutdown_on_idle", _idle_soft_shutdown, f"set it True {CONF}"),
    Trap("worker_soft_shutdown_timeout", _soft_shutdown, f"set worker_soft_shutdown_timeout = 60 {CONF}"),
    Trap(
        "cancelling on connection loss", _cancelling, f"take it out {CONF}: the ledger's fence answers the second copy"
    ),
    Trap("worker_max_tasks_per_child", _few_tasks, f"take it out {CONF}, or set {FEW_TASKS} or more"),
    Trap("broker_connection_retry_on_startup", _retry_on_startup, f"set it True {CONF}"),
    Trap("broker_channel_error_retry", _channel_errors, f"set it True {CONF}"),
    Trap("worker_enable_remote_control", _remote_control, f"set it False {CONF}: `notifier` asks the store"),
    Trap("socket_timeout", _no_timeout, f"set 'socket_timeout': 5 in broker_transport_options {CONF}"),
    Trap("socket_keepalive", _no_keepalive, f"set 'socket_keepalive': True in broker_transport_options {CONF}"),
    Trap(
        "unacked_restore_throttle",
        _restore,
        f"set 'unacked_restore_throttle': 1 in broker_transport_options {CONF}, and leave the interval out",
    ),
    Trap(
        "visibility_timeout",
        _foreign_visibility,
        "set 'visibility_timeout': 3600 in the app's broker_transport_options",
    ),
    Trap(
        "classic queues",
        _classic_queues,
        "give each Queue in task_queues queue_arguments={'x-queue-type': 'quorum'}, and set "
        f"task_create_missing_queue_type = 'quorum' {CONF}",
    ),
    Trap("confirm_publish", _unconfirmed, f"set 'confirm_publish': True in broker_transport_options {CONF}"),
    Trap(
        "two beats",
        _two_beats,
        "run one, or all of them with redbeat: celery -A worker beat -S redbeat.RedBeatScheduler",
    ),
    Trap("redbeat_lock_timeout", _long_lock, f"set redbeat_lock_timeout = 60 or so {CONF}"),
)
