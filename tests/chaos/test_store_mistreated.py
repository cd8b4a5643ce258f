"""One worker whose broker and store is mistreated in every way: calls say so, and the worker goes on without a restart."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import pytest
import redis
from workers import Plant, plant, wait_until

import notifier
from notifier import send_email
from notifier.errors import BrokerUnavailable, MailNotFound, Phase, StoreUnavailable
from notifier.model.state import MailState
from notifier.tasks.bells import gate
from notifier.testing import Script

SCRIPT = Script()


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Plant]:
    with plant(
        tmp_path_factory.mktemp("mistreated"), SCRIPT, NOTIFIER_SWEEP_INTERVAL="0.5", NOTIFIER_STORE_TIMEOUT="1"
    ) as made:
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
    before = send()
    with operator(made) as client, operator(made, "canary-other") as other:
        client.config_set("requirepass", "canary-other")
        cut_all(client)
        gate.suspect()
        with pytest.raises((BrokerUnavailable, StoreUnavailable), match=r"password|[Aa]uthentication") as caught:
            send()
        wait_until(lambda: "Authentication required" in made.logs(), "the worker was refused too")
        other.config_set("requirepass", "")
    goes_on(made, before)
    assert "canary" not in made.logs() + str(caught.value)


def test_a_record_that_was_deleted_at_its_dot_makes_no_second_copy(made: Plant) -> None:
    """Fault 33, without an outbox: nothing is left that could decide, and nothing is sent again."""
    SCRIPT.at(Phase.FINAL_REPLY, "", times=1, delay=0.5)
    mail_id = send()
    wait_until(lambda: notifier.status(mail_id).state is MailState.AT_DOT, "its dot is recorded")
    with operator(made) as client:
        assert client.delete(f"notifier:{{mail}}:mail:{mail_id}") == 1
    wait_until(lambda: "settlements came too late" in made.logs(), "the reply was read")
    goes_on(made)
    assert sum(mail_id in one.message_id for one in made.server.mailbox) == 1
    with pytest.raises(MailNotFound):
        notifier.status(mail_id)
