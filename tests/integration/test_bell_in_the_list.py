"""Where ledger and broker are one server, the bell rings in the step that stores the mail: as Celery would have written it."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from typing import Any

import pytest
import redis
from celery import Celery

from notifier import send_email
from notifier.settings import Settings
from notifier.tasks import register, registered, ringing
from notifier.tasks.app import app, use_settings
from notifier.tasks.bells import ring
from notifier.testing import EmbeddedValkey

OF_ITS_OWN = ("id", "root_id", "correlation_id", "delivery_tag", "origin", "argsrepr", "reply_to")  # of each message


@pytest.fixture
def valkey() -> Iterator[EmbeddedValkey]:
    with EmbeddedValkey() as started:
        point_at(started.url)
        yield started
    app.__dict__.pop("amqp", None)
    ringing.ringing.__init__()  # type: ignore[misc]  # as it was


def point_at(broker: str, **more: str) -> None:
    use_settings(Settings.load({"NOTIFIER_BROKER_URL": broker, "NOTIFIER_SMTP_URL": "smtp://127.0.0.1:1", **more}))
    ringing.ringing.__init__(every=0)  # type: ignore[misc]  # as a process has it that has sent nothing yet


def way(queue: str = "mail") -> object:
    return ringing.ringing.way(frozenset({queue}))


def send() -> None:
    send_email.delay(template="welcome", to="zoe@example.com", context={"name": "Zoë"})


def bells(valkey: EmbeddedValkey) -> list[dict[str, Any]]:
    with redis.Redis.from_url(valkey.url) as client:
        return [json.loads(message) for message in client.lrange("mail", 0, -1)]


def published_by_celery(valkey: EmbeddedValkey) -> bool:
    """Celery declares a queue before it publishes."""
    with redis.Redis.from_url(valkey.url) as client:
        return bool(client.exists("_kombu.binding.mail"))


def common(part: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in part.items() if name not in OF_ITS_OWN}


def test_its_message_is_what_celery_publishes(valkey: EmbeddedValkey) -> None:
    send()
    assert not published_by_celery(valkey)
    ring("mail", ["0123456789abcdef0123456789abcdef"])
    theirs, ours = bells(valkey)
    for part in ("headers", "properties"):
        assert common(ours[part]) == common(theirs[part])
        assert ours[part].keys() == theirs[part].keys()
    assert ours.keys() == theirs.keys()
    (queue, bell), *rest = json.loads(base64.b64decode(ours["body"]))
    assert (queue, rest) == ("mail", json.loads(base64.b64decode(theirs["body"]))[1:])
    assert ours["headers"]["argsrepr"] == repr(("mail", bell))
    assert ours["headers"]["id"] == ours["headers"]["root_id"] == ours["properties"]["correlation_id"]


def test_each_has_ids_of_its_own(valkey: EmbeddedValkey) -> None:
    found = {json.dumps(json.loads(ringing.message_of("mail", "b")[1])["properties"]) for _ in range(3)}
    assert len(found) == 3


def test_while_workers_are_busy_no_message_goes_along_in_vain(valkey: EmbeddedValkey) -> None:
    send()
    assert way() is not None
    send()
    assert way() is None
    assert way("mail.bulk") is not None, "each queue by itself"
    with redis.Redis.from_url(valkey.url) as client:
        client.delete("notifier:{mail}:rung")
    send()
    assert (len(bells(valkey)), published_by_celery(valkey)) == (2, True), "that one was published"
    assert way() is not None, "and the next one goes along"


@pytest.mark.parametrize(
    "broker",
    [
        "{url}?health_check_interval=5",
        "{url}/0;{url}/0",
        "{url}/1",
        "sentinel://127.0.0.1:1",
        "amqp://127.0.0.1:1",
        "memory://",
    ],
)
def test_elsewhere_bells_are_published(valkey: EmbeddedValkey, broker: str) -> None:
    point_at(broker.format(url=valkey.url.removesuffix("/0")), NOTIFIER_STORE_URL=valkey.url)
    assert way() is None


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("broker_transport_options", {"global_keyprefix": "shop:"}),
        ("broker_transport_options", {"priority_steps": [3, 6]}),
        ("task_default_priority", 6),
        ("task_protocol", 1),
        ("broker_write_url", "redis://127.0.0.1:1"),
    ],
)
def test_what_an_operator_has_configured_otherwise_is_celerys_to_know(
    valkey: EmbeddedValkey, monkeypatch: pytest.MonkeyPatch, name: str, value: object
) -> None:
    assert way() is not None
    monkeypatch.setitem(app.conf.maps[0], name, value)  # taken back as if it had never been there
    assert way() is None


@pytest.mark.parametrize("name", ["CELERY_BROKER_URL", "CELERY_BROKER_WRITE_URL", "CELERY_BROKER_READ_URL"])
def test_celerys_own_variables_go_before_our_settings(
    valkey: EmbeddedValkey, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    monkeypatch.setenv(name, f"{valkey.url.removesuffix('/0')}/1")
    assert way() is None


def test_an_app_of_somebody_elses_has_its_own_ways(valkey: EmbeddedValkey, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(registered, "_apps", [])
    theirs = Celery("theirs", broker=valkey.url, set_as_current=False)
    register(theirs)
    assert way() is None
