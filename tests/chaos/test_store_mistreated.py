"""One worker whose broker and store is mistreated in every way: calls say so, and the worker goes on without a restart."""

from __future__ import annotations

import json
import threading
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
import redis
from kombu import Producer
from workers import Plant, plant, wait_until

import notifier
from notifier import send_email
from notifier.errors import BrokerUnavailable, MailNotFound, Phase, StoreUnavailable
from notifier.model.state import MailState
from notifier.tasks.app import app
from notifier.tasks.bells import gate
from notifier.tasks.runtime import runtime
from notifier.testing import Script

SCRIPT = Script()


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Plant]:
    with plant(tmp_path_factory.mktemp("mistreated"), SCRIPT, NOTIFIER_SWEEP_INTERVAL="0.5") as made:
        made.start_worker()
        yield made
        (worker,) = made.workers
        assert worker.running, made.logs()


@contextmanager
def operator(made: Plant, password: str | None = None) -> Iterator[redis.Redis]:
    with redis.Redis.from_url(made.valkey.url, password=password) as client:
        yield client


def send() -> str:
    return send_email.delay(template="welcome", to="zoe@example.com", context={"name": "Zoë"}).id


def later() -> str:
    """A mail that nobody has in hand: what is cut off there waits for the end of a lease, or of a final reply."""
    return send_email.apply_async(kwargs=BY_NAME, countdown=600).id


def cut_all(client: redis.Redis) -> int:
    return int(client.execute_command("CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes"))


def goes_on(made: Plant, *before: str) -> None:
    """What was accepted and what is accepted now is sent, once, by the worker that was there."""
    made.settle([*before, send(), send()], "sent")
    assert {len(copies) for copies in made.server.mailbox.by_message_id().values()} == {1}


def test_bindings_of_the_broker_that_are_deleted_lose_no_mail(made: Plant) -> None:
    """Fault 34. Without its binding the broker drops a message and says nothing."""
    goes_on(made)
    with operator(made) as client:
        deleted = client.delete(*client.keys("_kombu.binding.*"))
    assert deleted > 0
    goes_on(made)


def test_a_store_that_is_full_refuses_calls_and_goes_on_when_there_is_room(made: Plant) -> None:
    """Fault 35."""
    with operator(made) as client:
        client.config_set("maxmemory", 1)
        with pytest.raises(StoreUnavailable, match="is full"):
            send()
        client.config_set("maxmemory", 0)
    goes_on(made)


def test_a_store_that_becomes_a_replica_refuses_calls_and_goes_on_when_it_is_the_primary_again(made: Plant) -> None:
    """Fault 36, as far as one server goes."""
    with operator(made) as client:
        client.replicaof("127.0.0.1", 1)
        with pytest.raises(StoreUnavailable, match="set NOTIFIER_STORE_URL to the primary"):
            send()
        client.replicaof("no", "one")
    goes_on(made)


def test_connections_that_are_cut_again_and_again_leave_a_worker_that_consumes(made: Plant) -> None:
    """Fault 39 (celery#8030, #8091, #10205)."""
    with operator(made) as client:
        for _ in range(20):
            wait_until(lambda: len(client.client_list()) > 1, "somebody is connected again")
            cut_all(client)
    goes_on(made)


def test_a_password_that_was_changed_is_said_and_not_shown_and_the_worker_comes_back(made: Plant) -> None:
    """Fault 40."""
    before = later()
    with operator(made) as client, operator(made, "canary-other") as other:
        client.config_set("requirepass", "canary-other")
        cut_all(client)
        gate.suspect()
        with pytest.raises((BrokerUnavailable, StoreUnavailable), match=r"password|[Aa]uthentication") as caught:
            send()
        wait_until(lambda: "Authentication required" in made.logs(), "the worker was refused too")
        other.config_set("requirepass", "")
    runtime().store.reschedule(before, time.time())
    goes_on(made, before)
    assert "canary" not in made.logs() + str(caught.value)


def test_a_record_that_was_deleted_at_its_dot_makes_no_second_copy(made: Plant) -> None:
    """Fault 33, without an outbox: nothing is left that could decide, and nothing is sent again."""
    released = threading.Event()
    SCRIPT.hold(Phase.FINAL_REPLY, released, times=1)
    mail_id = send()
    wait_until(lambda: made.taken(mail_id), "its reply is awaited")
    with operator(made) as client:
        assert client.delete(f"notifier:{{mail}}:mail:{mail_id}") == 1
    released.set()
    wait_until(lambda: "settlements came too late" in made.logs(), "the reply was read")
    goes_on(made)
    assert sum(mail_id in one.message_id for one in made.server.mailbox) == 1
    with pytest.raises(MailNotFound):
        notifier.status(mail_id)


# What lies in the broker and in the store that no Notifier has put there ---------------------------------------------

BY_NAME = {"template": "welcome", "to": "zoe@example.com", "context": {"name": "Zoë"}}
NO_MAILS: dict[str, dict[str, object]] = {
    "109 not an object": {"body": b'["x"]'},
    "109 not JSON": {"body": b"{"},
    "109 deep": {"body": b"[" * 10_000 + b"]" * 10_000},
    "109 NaN": {"kwargs": {**BY_NAME, "context": {"name": float("nan")}}},
    "110 an id that is none": {"kwargs": BY_NAME, "id": "7"},
    "113 a pickle": {"body": b"cos\nsystem\n(S'false'\ntR.", "content_type": "application/x-python-serialize"},
    "113 another task": {"kwargs": BY_NAME, "task": "os.system"},
    "114 nobody": {"kwargs": {**BY_NAME, "to": []}},
    "114 a crowd": {"kwargs": {**BY_NAME, "to": [f"n{number}@example.com" for number in range(1001)]}},
    "116 an argument too many": {"kwargs": {**BY_NAME, "shell": "false"}},
    "118 a list for an object": {"kwargs": {**BY_NAME, "headers": ["X-A", "b"]}},
    "119 a template that is not there": {"kwargs": {**BY_NAME, "template": "../../etc/passwd"}},
    "120 another tenant": {"kwargs": {**BY_NAME, "tenant": "shop"}},
}


def publish(kwargs: object = None, body: bytes | None = None, **more: str) -> str:
    """As whoever may write to the broker can."""
    task_id = more.get("id", str(uuid.uuid4()))
    octets = json.dumps([[], kwargs, {}]).encode() if body is None else body
    headers = {"lang": "py", "task": more.get("task", "notifier.send_email"), "id": task_id, "root_id": task_id}
    with app.connection_for_write() as connection, connection.channel() as channel:
        Producer(channel).publish(
            octets,
            routing_key="mail",
            headers={**headers, "argsrepr": "", "kwargsrepr": "", "retries": 0},
            content_type=more.get("content_type", "application/json"),
            content_encoding="utf-8",
        )
    return task_id


def test_messages_that_are_no_mail_are_refused_and_the_worker_goes_on(made: Plant) -> None:
    """Section 2.8 of the list of faults, at the broker."""
    ids = [publish(**message) for message in NO_MAILS.values()]  # type: ignore[arg-type]
    goes_on(made)
    wait_until(lambda: in_broker(made) == 0, "all have been looked at")
    for name, task_id in zip(NO_MAILS, ids, strict=True):
        assert runtime().store.status(task_id) is None, name
    assert not [mail for mail in made.server.mailbox if "n7@example.com" in mail.recipients]


def in_broker(made: Plant) -> int:
    with operator(made) as client:
        return int(client.llen("mail"))


def test_what_is_no_message_at_all_is_dropped_and_the_worker_goes_on(made: Plant) -> None:
    with operator(made) as client:
        client.lpush("mail", b"not even JSON", b"{}", b"[]", b'{"body": "e30=", "headers": 7, "properties": {}}')
    goes_on(made)


def test_fifty_copies_of_one_task_make_one_mail(made: Plant) -> None:
    """Faults 20 and 22: a message that is handed out again, and again, is registered once."""
    task_id = str(uuid.uuid4())
    for _ in range(50):
        publish(BY_NAME, id=task_id)
    wait_until(lambda: runtime().store.status(task_id) is not None, "registered on receipt")
    goes_on(made, task_id)
    wait_until(lambda: in_broker(made) == 0, "every copy has been looked at")
    assert sum(task_id in mail.message_id for mail in made.server.mailbox) == 1


def test_records_that_cannot_be_read_are_kept_and_others_flow(made: Plant) -> None:
    """Faults 85 and 90: a broken one is quarantined, one of a later version waits for a worker that can read it."""
    with operator(made) as client:
        spoilt = {}
        for name, payload in {"broken": "{", "of a later version": '{"v": 999}'}.items():
            spoilt[name] = later()
            client.hset(f"notifier:{{mail}}:mail:{spoilt[name]}", "payload", payload)
            runtime().store.reschedule(spoilt[name], time.time())
    goes_on(made)
    made.settle([spoilt["broken"]], "quarantined")
    wait_until(lambda: bool(notifier.status(spoilt["of a later version"]).history[1:]), "it was looked at")
    found = notifier.status(spoilt["of a later version"])
    assert (found.state, found.attempt) == (MailState.WAITING, 0)
    assert "999" in found.history[-1]["why"]
