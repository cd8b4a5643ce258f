"""Our tasks on an app of somebody else's: whenever it is joined, and however often."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import pytest
from celery import Celery, current_app, shared_task
from celery.beat import Service
from celery.signals import beat_init

import notifier.tasks
from notifier import send_email
from notifier.errors import BrokerUnavailable, ConfigurationError
from notifier.settings import Settings
from notifier.tasks import app as our
from notifier.tasks import beat_life, existing_apps, registered, report, runtime
from notifier.tasks.bells import gate
from notifier.tasks.existing_apps import OURS, keep_ours, mail_queues
from notifier.tasks.sweeper import Sweeper

NAMES = {options["name"] for _, options in our.DEFINED}


@pytest.fixture(autouse=True)
def _nobody_registered(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr(registered, "_apps", [])
    monkeypatch.setattr(beat_life, "keep_registered", lambda record: None)  # no beat goes on behind the test
    for name in ("NOTIFIER_BROKER_URL", "CELERY_BROKER_URL", "REDIS_URL"):
        monkeypatch.delenv(name, raising=False)
    runtime.configure(None)
    before = dict(our.app.conf.changes)
    yield
    our.app.conf.changes.clear()
    our.app.conf.update(before)
    runtime.configure(None)


def shop(broker: str = "redis://shop.example/1", **conf: object) -> Celery:
    app = Celery("shop", broker=broker, set_as_current=False)
    app.conf.update(conf)
    return app


def own_tasks(app: Celery) -> set[str]:
    return {name for name in app.tasks if name.startswith("notifier.")}


def test_every_task_of_ours_is_added() -> None:
    app = shop()
    notifier.tasks.register(app)
    assert own_tasks(app) == NAMES
    assert {"notifier.send_email", "notifier.send_message", "notifier.bell", "notifier.sweep"} <= NAMES
    assert Sweeper in app.steps["worker"]


def test_joining_neither_configures_nor_finalises_an_app() -> None:
    app = shop()
    notifier.tasks.register(app)
    assert not app.configured
    assert not app.finalized


def test_a_beat_of_the_app_sends_reports(tmp_path: Path) -> None:
    app, other = shop(beat_schedule={"mine": {"task": "shop.count", "schedule": 60.0}}), shop()
    notifier.tasks.register(app)
    services = [Service(one, schedule_filename=str(tmp_path / str(n))) for n, one in enumerate((app, other))]
    for service in services:
        # Celery's beat reads its settings before it says that it begins.
        assert report.ENTRY not in service.scheduler.schedule
        beat_init.send(service)
    ours, others = (set(service.scheduler.schedule) for service in services)
    assert ours >= {"mine", report.ENTRY}
    assert report.ENTRY not in others


def test_an_entry_that_the_app_has_itself_stays(tmp_path: Path) -> None:
    app = shop(beat_schedule={report.ENTRY: {"task": "notifier.reports", "schedule": 5.0}})
    notifier.tasks.register(app)
    service = Service(app, schedule_filename=str(tmp_path / "beat"))
    assert service.scheduler.schedule
    beat_init.send(service)
    assert service.scheduler.schedule[report.ENTRY].schedule.run_every.total_seconds() == 5.0


def test_settings_that_come_later_are_the_apps_own() -> None:
    app = Celery("shop", set_as_current=False)
    notifier.tasks.register(app)
    app.config_from_object({"broker_url": "redis://later.example/2", "task_default_queue": "later"})
    assert (app.conf.task_default_queue, app.conf.task_queues) == ("later", None)
    assert registered.common_broker() == "redis://later.example/2"


def test_an_app_that_is_finalised_gets_them_too() -> None:
    app = shop()
    app.finalize()
    notifier.tasks.register(app)
    assert own_tasks(app) == NAMES


def test_again_changes_nothing() -> None:
    app = shop()
    notifier.tasks.register(app)
    first = {name: app.tasks[name] for name in NAMES}
    notifier.tasks.register(app)
    assert {name: app.tasks[name] for name in NAMES} == first
    assert len(registered.registered()) == 1


def test_two_apps_have_tasks_of_their_own() -> None:
    one, other = shop(), shop()
    notifier.tasks.register(one)
    notifier.tasks.register(other)
    assert one.tasks["notifier.bell"] is not other.tasks["notifier.bell"]
    assert registered.common_broker() == "redis://shop.example/1"


def test_two_apps_with_two_brokers_are_named() -> None:
    one, other = shop(), shop("redis://elsewhere.example/0")
    notifier.tasks.register(one)
    notifier.tasks.register(other)
    with pytest.raises(ConfigurationError, match="'shop' and 'shop' are both registered, and have different brokers"):
        runtime.settings()


def test_an_app_that_is_gone_is_forgotten() -> None:
    registered.remember(shop())
    gc.collect()
    assert registered.registered() == []


def test_another_task_of_one_of_our_names_is_refused_and_nothing_added() -> None:
    app = shop()

    @app.task(name="notifier.send_email", shared=False)
    def send_email() -> None: ...

    app.finalize()
    with pytest.raises(ConfigurationError, match=r"has a task 'notifier\.send_email' of its own"):
        notifier.tasks.register(app)
    assert own_tasks(app) == {"notifier.send_email"}


def test_what_an_app_sets_for_its_own_tasks_does_not_hold_for_ours() -> None:
    app = shop(task_serializer="pickle", task_time_limit=5, task_default_rate_limit="1/h", task_acks_late=True)
    notifier.tasks.register(app)
    bell = app.tasks["notifier.bell"]
    assert (bell.serializer, bell.time_limit, bell.rate_limit, bell.acks_late) == ("json", OURS["time_limit"], 0, False)
    assert app.tasks["notifier.send_email"].acks_late is True


def test_the_apps_broker_is_ours_where_the_settings_name_none() -> None:
    app = shop(broker_transport_options={"global_keyprefix": "shop:", "socket_timeout": 99})
    notifier.tasks.register(app)
    our.point_at_broker()
    assert runtime.settings().store_url.reveal() == "redis://shop.example/1"
    assert our.app.conf.broker_transport_options["global_keyprefix"] == "shop:"
    assert our.app.conf.broker_transport_options["socket_timeout"] == our.BROKER_TIMEOUT


def test_another_broker_in_the_settings_is_a_clear_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NOTIFIER_BROKER_URL", "redis://user:hunter2@elsewhere.example/0")
    monkeypatch.setattr(gate, "_trusted", False)
    app = shop()
    notifier.tasks.register(app)
    with pytest.raises(ConfigurationError, match="another broker than the Celery app 'shop'") as error:
        send_email.delay(template="welcome", to="zoe@example.com", context={"name": "Zoë"})
    assert "hunter2" not in str(error.value)


def test_an_app_without_a_broker_is_told_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NOTIFIER_BROKER_URL", "redis://here.example/0")
    app = Celery("bare", set_as_current=False)
    notifier.tasks.register(app)
    with pytest.raises(ConfigurationError, match="'bare' names no broker"):
        our.point_at_broker()


def test_an_app_with_a_broker_that_is_no_store_needs_one_named() -> None:
    app = shop("amqp://shop.example//")
    notifier.tasks.register(app)
    with pytest.raises(ConfigurationError, match="NOTIFIER_STORE_URL"):
        runtime.settings()


def test_an_eager_app_makes_our_calls_eager(monkeypatch: pytest.MonkeyPatch) -> None:
    app = shop(task_always_eager=True)
    notifier.tasks.register(app)
    assert registered.is_eager()


def test_joining_an_app_does_not_make_it_the_current_one() -> None:
    current = Celery("theirs")
    notifier.tasks.register(shop())

    @shared_task(name="unit.shared")
    def shared() -> None: ...

    assert shared.app is current


def test_the_queues_are_those_of_the_mail_classes() -> None:
    chosen = Settings.load({"NOTIFIER_BROKER_URL": "redis://here.example/0"})
    assert mail_queues(chosen) == ["mail", "mail.bulk", "mail.urgent"]


def test_what_was_sent_at_once_before_does_not_hide_the_apps_broker() -> None:
    app = shop()
    notifier.tasks.register(app)
    runtime.inline_runtime()
    our.point_at_broker()
    assert our.app.conf.broker_url == "redis://shop.example/1"


def test_the_current_app_is_the_app_behind_it() -> None:
    app = Celery("shop", broker="redis://shop.example/1")
    notifier.tasks.register(current_app)
    notifier.tasks.register(app)
    assert registered.registered() == [app]


@pytest.mark.parametrize("odd", [None, "shop.celery"])
def test_what_is_no_app_is_said_to_be_none(odd: object) -> None:
    with pytest.raises(TypeError, match=r"takes a Celery app, not (NoneType|str)"):
        notifier.tasks.register(odd)  # type: ignore[arg-type]  # on purpose


def test_who_joins_after_the_first_mail_is_asked_for_its_broker(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gate, "_trusted", True)
    notifier.tasks.register(app := shop("redis://127.0.0.1:1/0"))
    with pytest.raises(BrokerUnavailable, match=r"127\.0\.0\.1:1"):
        gate.ensure()
    assert registered.registered() == [app]


def test_what_an_app_annotates_every_task_with_does_not_hold_for_ours() -> None:
    everywhere = {
        "rate_limit": "1/h",
        "time_limit": 5,
        "ignore_result": False,
        "serializer": "pickle",
        "acks_late": True,
    }
    app = shop(task_annotations={"*": {**everywhere, "colour": "red"}})
    notifier.tasks.register(app)
    keep_ours(app)
    bell = app.tasks["notifier.bell"]
    assert {name: getattr(bell, name) for name in OURS} == OURS
    assert (bell.acks_late, bell.colour) == (False, "red")


@pytest.mark.parametrize(
    ("asked", "consumed"),
    [(None, {"shop", "mail", "mail.bulk", "mail.urgent"}), (["shop"], {"shop"})],
    ids=["nothing", "one"],
)
def test_an_embedded_worker_consumes_what_it_is_told_to(
    asked: list[str] | None, consumed: set[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    for guard in ("guard_worker", "keep_half_read_results"):
        monkeypatch.setattr(existing_apps, guard, lambda: None)  # they would stay for the tests after this
    app = shop(task_default_queue="shop")
    notifier.tasks.register(app)
    app.amqp.queues.select(asked)
    existing_apps.join_embedded_worker(SimpleNamespace(app=app))
    assert set(app.amqp.queues.consume_from) == consumed
    assert "mail.bulk" in app.amqp.queues
