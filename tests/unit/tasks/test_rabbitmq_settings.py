"""What Celery is told where the broker is RabbitMQ, and that it is told nothing of it elsewhere."""

from __future__ import annotations

import errno
from collections.abc import Iterator

import pytest
from kombu import Exchange, Queue

from notifier.settings import Settings
from notifier.tasks import app as tasks_app
from notifier.tasks.app import BROKER_TIMEOUT, use_settings
from notifier.tasks.consumer import Consumer, _is_silence
from notifier.tasks.rabbitmq import DRIVER, WaitAtMost, is_rabbitmq, publishing, quorum_queues
from notifier.tasks.runtime import configure

pytestmark = pytest.mark.unit

NEEDED = {"NOTIFIER_STORE_URL": "redis://store.example", "NOTIFIER_SMTP_URL": "smtp://relay.example?tls=none"}


@pytest.fixture(autouse=True)
def as_it_was() -> Iterator[None]:
    yield
    use("redis://broker.example")
    configure(None)


def use(broker: str) -> None:
    use_settings(Settings.load({**NEEDED, "NOTIFIER_BROKER_URL": broker}))


@pytest.mark.parametrize("url", ["amqp://a.example", "amqps://a.example//", "pyamqp://u:p@a.example:1/v"])
def test_a_url_of_amqp_is_rabbitmq(url: str) -> None:
    assert is_rabbitmq(url)


@pytest.mark.parametrize("url", ["redis://amqp.example", "memory://", "sentinel://a.example;amqp://b.example", ""])
def test_any_other_is_not(url: str) -> None:
    assert not is_rabbitmq(url)


def test_messages_are_confirmed_queues_are_quorum_queues_and_no_wait_is_without_end() -> None:
    use("amqp://broker.example//")
    conf = tasks_app.app.conf
    assert conf.broker_transport_options["confirm_publish"] is True
    assert conf.broker_transport_options["on_open"] == WaitAtMost(BROKER_TIMEOUT)
    assert (conf.task_default_queue_type, conf.task_create_missing_queue_type) == ("quorum", "quorum")


def test_redis_is_told_nothing_of_it_also_where_rabbitmq_came_before() -> None:
    use("amqp://broker.example//")
    use("redis://broker.example")
    assert not {"confirm_publish", "on_open"} & set(tasks_app.app.conf.broker_transport_options)
    assert publishing("redis", 2.0) == {}


def test_whoever_publishes_declares_nothing() -> None:
    assert publishing(DRIVER, 2.0) == {"declare": [], "confirm_timeout": 2.0}


def test_each_queue_has_an_exchange_of_its_own_and_keeps_what_it_was_given() -> None:
    given = Queue("b", Exchange("own", type="topic"), routing_key="b.#", queue_arguments={"x-max-length": 9})
    plain, own = quorum_queues([Queue("a"), given])
    assert (plain.exchange.name, plain.routing_key, plain.queue_arguments) == ("a", "a", {"x-queue-type": "quorum"})
    assert (own.exchange.name, own.routing_key) == ("own", "b.#")
    assert own.queue_arguments == {"x-queue-type": "quorum", "x-max-length": 9}


def test_the_consumer_has_every_step_of_celerys_but_the_one_for_delayed_messages() -> None:
    (theirs,) = (base for base in Consumer.__bases__)
    left_out = set(theirs.Blueprint.default_steps) - set(Consumer.Blueprint.default_steps)
    assert left_out == {"celery.worker.consumer.delayed_delivery:DelayedDelivery"}


@pytest.mark.parametrize(
    ("error", "is_told"),
    [
        (TimeoutError("timed out"), True),
        (TimeoutError(errno.ETIMEDOUT, "Connection timed out"), False),
        (OSError("x"), False),
    ],
)
def test_a_reply_that_does_not_come_is_told_apart_from_a_lost_connection(error: Exception, is_told: bool) -> None:
    assert _is_silence(error) is is_told
