"""What a worker has read of a real server's lists, bells and others' messages."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
import redis
from kombu import Connection
from kombu.transport import redis as transport

from notifier.tasks.app import app
from notifier.tasks.bells import bell
from notifier.tasks.read_bells import keep_read_bells_in_memory
from notifier.testing import EmbeddedValkey

pytestmark = pytest.mark.long

QUEUE = "mail"
MOST = 2  # messages that the worker may have at once
OTHER = "reports.of.somebody"


@pytest.fixture(scope="module")
def valkey() -> Iterator[EmbeddedValkey]:
    with EmbeddedValkey() as server:
        yield server


@pytest.fixture
def server(valkey: EmbeddedValkey) -> Iterator[Any]:
    with redis.Redis.from_url(valkey.url, decode_responses=True) as client:
        client.flushall()
        yield client


@pytest.fixture
def channel(valkey: EmbeddedValkey, server: Any, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """A worker's."""
    del server  # it is emptied first
    monkeypatch.setattr(transport.Channel, "QoS", transport.Channel.QoS)
    keep_read_bells_in_memory()
    with Connection(valkey.url) as connection:
        opened: Any = connection.channel()
        opened.basic_qos(0, MOST, False)
        yield opened


def sent(channel: Any, task: str = bell.name) -> None:
    headers, properties, body, _ = app.amqp.create_task_message("1", task, (QUEUE, "bell"), {})
    app.amqp.Producer(channel, auto_declare=False).publish(
        body, exchange="", routing_key=QUEUE, serializer="json", headers=headers, **properties
    )


def read(channel: Any, task: str = bell.name) -> Any:
    sent(channel, task)
    return channel.basic_get(QUEUE)


def test_a_bell_that_is_read_is_written_down_nowhere(channel: Any, server: Any) -> None:
    read(channel)
    assert (server.keys("unacked*"), server.llen(QUEUE)) == ([], 0)


def test_it_counts_until_it_is_acknowledged(channel: Any) -> None:
    messages = [read(channel) for _ in range(MOST)]
    assert not channel.qos.can_consume()
    messages[0].ack()
    assert channel.qos.can_consume()


def test_a_bell_that_no_slot_has_begun_is_back_in_its_queue_when_the_worker_ends(channel: Any, server: Any) -> None:
    begun, waiting = read(channel), read(channel)
    begun.ack()
    channel.close()
    assert server.llen(QUEUE) == 1
    assert waiting.delivery_tag in server.lindex(QUEUE, 0)


def test_a_bell_that_is_put_back_is_read_again(channel: Any, server: Any) -> None:
    first = read(channel)
    first.requeue()
    assert server.llen(QUEUE) == 1
    assert channel.basic_get(QUEUE).delivery_tag == first.delivery_tag


def test_a_bell_that_is_refused_is_gone(channel: Any, server: Any) -> None:
    read(channel).reject()
    channel.close()
    assert server.keys("*") == []


def test_any_other_message_is_written_down_until_it_is_acknowledged(channel: Any, server: Any) -> None:
    message = read(channel, OTHER)
    assert server.hlen("unacked") == 1
    message.ack()
    assert server.hlen("unacked") == 0


def test_any_other_message_is_back_in_its_queue_when_the_worker_ends(channel: Any, server: Any) -> None:
    read(channel, OTHER)
    channel.close()
    assert (server.llen(QUEUE), server.hlen("unacked")) == (1, 0)
