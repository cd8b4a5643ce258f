"""Our tasks on an app of somebody else's: whenever it is joined, and however often."""

from __future__ import annotations

import gc
from collections.abc import Iterator

import pytest
from celery import Celery, shared_task
from celery.beat import Service
from celery.signals import beat_init

import notifier.tasks
from notifier.errors import ConfigurationError
from notifier.settings import Settings
from notifier.tasks import app as our
from notifier.tasks import beat_life, registered, report, runtime
from notifier.tasks.existing_apps import OURS, mail_queues
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


def test_a_beat_of_the_app_sends_reports() -> None:
    app, other = shop(beat_schedule={"mine": {"task": "shop.count", "schedule": 60.0}}), shop()
    notifier.tasks.register(app)
    for one in (app, other):
        beat_init.send(Service(one))
    assert set(Service(app).get_scheduler(lazy=True).app.conf.beat_schedule) == {"mine", report.ENTRY}
    assert not other.conf.beat_schedule


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
    app = shop()
    notifier.tasks.register(app)
    with pytest.raises(ConfigurationError, match="another broker than the Celery app 'shop'") as error:
        our.point_at_broker()
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
