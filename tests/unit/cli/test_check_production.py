"""Each trap of celery.md, set on purpose, is found by `notifier check --production` with a sentence and an advice."""

from __future__ import annotations

import runpy
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from celery import Celery
from click.testing import CliRunner
from kombu import Queue

from notifier.cli import check_production
from notifier.cli.check import command
from notifier.model.worker import WorkerRecord
from notifier.settings import Settings
from notifier.settings import traps as settings_traps
from notifier.tasks import traps
from notifier.tasks.app import DEFINED
from notifier.tasks.existing_apps import OURS
from notifier.tasks.presence import BEAT, REDBEAT

TOP = Path(__file__).resolve().parents[3]
SHIPPED = {
    name: value
    for name, value in runpy.run_path(str(TOP / "celeryconfig.py")).items()
    if name[0] != "_" and name.islower()
}
SOUND = {
    "NOTIFIER_BROKER_URL": "redis://:s3cret@broker.shop.test/0",
    "NOTIFIER_FROM": "shop@mail.shop.com",
    "NOTIFIER_SMTP_URL": "smtp://relay.shop.com:587",
}
WORKER = WorkerRecord("1", version="1.0", queues=("mail", "mail.bulk", "mail.urgent"))
RABBIT = {"NOTIFIER_BROKER_URL": "amqp://broker.shop.test", "NOTIFIER_STORE_URL": "redis://:s3cret@store.shop.test/0"}
QUORUM = [Queue(name, queue_arguments={"x-queue-type": "quorum"}) for name in ("mail", "mail.bulk", "mail.urgent")]
CONFIRMED = {**SHIPPED["broker_transport_options"], "confirm_publish": True}


@dataclass(frozen=True)
class Set:
    """What is done on purpose, beside what is sound."""

    conf: Mapping[str, Any] = field(default_factory=dict)
    environ: Mapping[str, str] = field(default_factory=dict)
    living: tuple[WorkerRecord, ...] = (WORKER,)
    is_ours: bool = True


def transport(**changes: Any) -> dict[str, Any]:
    options = {**SHIPPED["broker_transport_options"], **changes}
    return {"broker_transport_options": {name: value for name, value in options.items() if value is not None}}


def annotated(task: str, **changes: Any) -> Set:
    return Set({"task_annotations": {task: changes}})


def beat(number: int, kind: str) -> WorkerRecord:
    return WorkerRecord(f"{number}", f"beat@{number}", pool_kind=kind)


TRAPPED: list[tuple[str, Set]] = [
    ("task_always_eager", Set({"task_always_eager": True})),
    ("acks of bells", annotated("notifier.bell", acks_late=True)),
    ("acks of bells", annotated("*", acks_late=True)),
    ("acks of payloads", annotated("notifier.send_email", acks_late=False)),
    ("payloads not given back", annotated("notifier.send_message", reject_on_worker_lost=False)),
    ("payloads not given back", annotated("*", reject_on_worker_lost=False)),
    ("bells given back", Set({"task_reject_on_worker_lost": True})),
    ("bells given back", annotated("notifier.bell", retry_on_worker_lost=True)),
    ("bells retried", annotated("*", max_retries=3)),
    ("worker_prefetch_multiplier", Set({"worker_prefetch_multiplier": 4})),
    ("worker_prefetch_multiplier", Set({"worker_prefetch_multiplier": 0})),
    ("worker_eta_task_limit", Set({"worker_eta_task_limit": None})),
    (
        "ETA of a schedule",
        Set({"beat_schedule": {"news": {"task": "x", "schedule": 60.0, "options": {"countdown": 7200}}}}),
    ),
    ("rate_limit", Set({"task_default_rate_limit": "10/m"})),
    ("rate_limit", annotated("notifier.bell", rate_limit="10/s")),
    ("priorities", Set({"task_queue_max_priority": 10})),
    ("priorities", Set({"task_default_priority": 0})),
    ("priorities", annotated("notifier.bell", priority=5)),
    ("priorities", Set({"task_routes": {"notifier.*": {"priority": 3}}})),
    ("priorities", Set({"task_queues": [Queue("mail", max_priority=10)]})),
    ("priorities", Set(transport(queue_order_strategy="priority"))),
    ("result_backend", Set({"result_backend": "redis://"})),
    ("result_backend", Set({"task_ignore_result": False})),
    ("task_time_limit", Set({"task_time_limit": None})),
    ("limits of a task", annotated("notifier.bell", soft_time_limit=30)),
    ("limits of a task", annotated("*", time_limit=300)),
    ("worker_enable_soft_shutdown_on_idle", Set({"worker_enable_soft_shutdown_on_idle": False})),
    ("worker_soft_shutdown_timeout", Set({"worker_soft_shutdown_timeout": 0})),
    ("cancelling on connection loss", Set({"worker_cancel_long_running_tasks_on_connection_loss": True})),
    ("worker_max_tasks_per_child", Set({"worker_max_tasks_per_child": 10})),
    ("broker_connection_retry_on_startup", Set({"broker_connection_retry_on_startup": False})),
    ("broker_channel_error_retry", Set({"broker_channel_error_retry": False})),
    ("worker_enable_remote_control", Set({"worker_enable_remote_control": True})),
    ("socket_timeout", Set(transport(socket_timeout=None))),
    ("socket_keepalive", Set(transport(socket_keepalive=None))),
    ("unacked_restore_throttle", Set(transport(unacked_restore_throttle=None))),
    ("unacked_restore_throttle", Set(transport(unacked_restore_interval=600))),
    ("visibility_timeout", Set(transport(visibility_timeout=600), is_ours=False)),
    ("classic queues", Set({"broker_transport_options": CONFIRMED}, RABBIT)),
    ("confirm_publish", Set({"task_queues": QUORUM}, RABBIT)),
    ("two beats", Set(living=(WORKER, beat(1, BEAT), beat(2, BEAT)))),
    ("redbeat_lock_timeout", Set({"beat_scheduler": "redbeat.RedBeatScheduler"})),
    ("memory broker", Set(environ={**RABBIT, "NOTIFIER_BROKER_URL": "memory://"})),
    ("sender of nobody", Set(environ={"NOTIFIER_FROM": "shop@example.com"})),
    ("sender of nobody", Set(environ={"NOTIFIER_FROM": "Notifier <notifier@localhost>"})),
    ("short final reply", Set(environ={"NOTIFIER_SMTP_URL": "smtp://relay.shop.com?timeout_final_reply=30"})),
    ("durability of memory", Set(environ={"NOTIFIER_DURABILITY": "memory"})),
    ("scaled retries", Set(environ={"NOTIFIER_RETRY_SCALE": "0.1"})),
]
REFUSED = [  # each ends a worker's start, and is told here as well
    ("accept_content", Set({"accept_content": ["json", "pickle"]})),
    ("task_serializer", Set({"task_serializer": "pickle"})),
    ("task_soft_time_limit", Set({"task_soft_time_limit": 60})),
    ("task_time_limit", Set({"task_time_limit": 60})),
    ("visibility_timeout", Set(transport(visibility_timeout=60))),
]
ADVICE = {trap.name: trap.advice for trap in (*traps.TRAPS, *settings_traps.TRAPS)}


def faults(made: Set, monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, str]]:
    """What the command would tell of workers with this app: sentence and advice."""
    app = Celery("workers", set_as_current=False)
    app.config_from_object({**SHIPPED, **made.conf})
    for fun, options in DEFINED:
        app.task(**{**({} if made.is_ours else OURS), **options})(fun)
    module = ModuleType("trapped")
    module.app = app  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "trapped", module)
    monkeypatch.setattr(check_production, "point_at_broker", lambda: None)
    monkeypatch.setattr(check_production, "_living", lambda: list(made.living))
    if made.is_ours:
        monkeypatch.setattr(check_production, "app", app)
    found = check_production.looked_at(Settings.load({**SOUND, **made.environ}), "trapped")
    return [(seen, advice) for _, well, seen, advice in found if not well]


def test_what_ships_has_no_trap(monkeypatch: pytest.MonkeyPatch) -> None:
    assert faults(Set(), monkeypatch) == []


def test_rabbitmq_with_quorum_queues_and_confirms_has_none(monkeypatch: pytest.MonkeyPatch) -> None:
    sound = {"task_queues": QUORUM, "broker_transport_options": CONFIRMED}
    assert faults(Set(sound, RABBIT), monkeypatch) == []


def test_two_beats_with_redbeat_are_none(monkeypatch: pytest.MonkeyPatch) -> None:
    assert faults(Set(living=(WORKER, beat(1, REDBEAT), beat(2, REDBEAT))), monkeypatch) == []


@pytest.mark.long
@pytest.mark.parametrize(("name", "made"), TRAPPED, ids=[name for name, _ in TRAPPED])
def test_a_trap_that_is_set_is_found_alone_with_its_advice(
    name: str, made: Set, monkeypatch: pytest.MonkeyPatch
) -> None:
    ((seen, advice),) = faults(made, monkeypatch)
    assert advice == ADVICE[name]
    assert len(seen.split()) > 4
    assert "secret" not in seen


@pytest.mark.parametrize(("name", "made"), REFUSED, ids=[name for name, _ in REFUSED])
def test_what_ends_a_workers_start_is_found(name: str, made: Set, monkeypatch: pytest.MonkeyPatch) -> None:
    ((seen, advice),) = faults(made, monkeypatch)
    assert seen.startswith(name)
    assert advice == "correct it there: no worker starts with it"


def test_every_trap_has_its_row() -> None:
    assert {name for name, _ in TRAPPED} == set(ADVICE)


def test_what_a_strangers_app_has_for_its_own_tasks_is_its_own_affair(monkeypatch: pytest.MonkeyPatch) -> None:
    theirs = {"result_backend": "redis://", "worker_enable_remote_control": True, "task_serializer": "pickle"}
    limits = {"task_time_limit": None, "task_soft_time_limit": None, "task_default_rate_limit": "1/s"}
    assert faults(Set({**theirs, **limits}, is_ours=False), monkeypatch) == []


def test_an_app_that_cannot_be_had_is_a_fault_and_the_settings_are_told_all_the_same() -> None:
    chosen = Settings.load({**SOUND, "NOTIFIER_DURABILITY": "memory"})
    found = list(check_production.looked_at(chosen, "nowhere.at_all"))
    assert [(subject, well) for subject, well, *_ in found][:2] == [("settings", False), ("celery", False)]
    assert "ModuleNotFoundError" in found[1][2]


def test_a_password_in_clear_is_refused_by_the_settings_and_told_as_a_fault(monkeypatch: pytest.MonkeyPatch) -> None:
    def refused() -> Settings:
        return Settings.load({**SOUND, "NOTIFIER_SMTP_URL": "smtp://me:s3cret@relay.shop.com?tls=none"})

    monkeypatch.setattr("notifier.cli.check.settings", refused)
    done = CliRunner().invoke(command, ["--production", "--json"])
    assert (done.exit_code, "would send a password with tls=none" in done.output) == (1, True)
    assert "s3cret" not in done.output
