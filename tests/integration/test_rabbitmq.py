"""RabbitMQ's quorum queues as the broker, the store on Valkey: the journey, and each way in which the broker is away."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from pathlib import Path

import pytest
from celery import Celery
from kombu import Connection
from real_servers.brokers import QUEUES
from real_servers.rabbitmq import RabbitMQ
from running_clock import RunningClock
from workers import Plant, plant, wait_until

import notifier
from notifier import send_bulk, send_email
from notifier.errors import BrokerUnavailable
from notifier.model.pause import Pause
from notifier.model.state import MailState
from notifier.tasks import operating
from notifier.tasks.bells import gate, ring
from notifier.testing import Script

PROMISED = 5.5  # seconds: the promise is a bound, not a speed


@pytest.fixture(scope="module")
def works(rabbitmq: RabbitMQ, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Plant]:
    """The same worker for all tests: it outlives each outage of the broker."""
    rabbitmq.forget(*QUEUES)
    script = Script().defer_first(lambda recipient: recipient.startswith("later"))
    with plant(tmp_path_factory.mktemp("rabbitmq"), script, NOTIFIER_BROKER_URL=rabbitmq.url) as made:
        made.start_worker()
        yield made


def welcome(to: str) -> dict[str, object]:
    return {"template": "welcome", "to": to, "context": {"name": "Zoë"}}


def once(works: Plant, mail_ids: list[str]) -> None:
    """Each is sent, and was accepted one time."""
    works.settle(mail_ids, "sent")
    kept = works.server.mailbox.by_message_id()
    copies = {mail_id: sum(len(mails) for key, mails in kept.items() if mail_id in key) for mail_id in mail_ids}
    assert copies == dict.fromkeys(mail_ids, 1)


def test_a_queue_of_another_type_ends_the_workers_start_with_what_to_do(tmp_path: Path, rabbitmq: RabbitMQ) -> None:
    rabbitmq.forget(*QUEUES)
    with Connection(rabbitmq.url) as connection:
        connection.default_channel.queue_declare(queue="mail", durable=True, auto_delete=False)
    with plant(tmp_path, NOTIFIER_BROKER_URL=rabbitmq.url) as made:
        worker = made.launch_worker()
        wait_until(lambda: not worker.running, "the worker ends")
        assert "rabbitmqctl delete_queue mail" in made.logs()
    rabbitmq.forget("mail")


RIGHTS = """
    (catch rabbit_auth_backend_internal:add_user(<<"narrow">>, <<"hunter2">>, <<"tests">>)),
    rabbit_auth_backend_internal:set_permissions(<<"narrow">>, <<"/">>, <<"{0}">>, <<"{0}">>, <<"{0}">>, <<"tests">>).
"""


def test_a_login_without_rights_is_told_so_and_works_when_it_has_them(tmp_path: Path, rabbitmq: RabbitMQ) -> None:
    rabbitmq.control("eval", RIGHTS.format("^$"))
    rabbitmq.forget(*QUEUES)
    with plant(tmp_path, NOTIFIER_BROKER_URL=rabbitmq.url.replace("guest:guest", "narrow:hunter2")) as made:
        with pytest.raises(BrokerUnavailable, match=r"refuses the messages of this login.*Nothing was stored") as error:
            send_email.delay(**welcome("a@example.com"))
        made.launch_worker(slots=1)
        wait_until(lambda: "rabbitmqctl set_permissions" in made.logs(), "the worker says what it needs")
        rabbitmq.control("eval", RIGHTS.format(".*"))
        made.settle([send_email.delay(**welcome("b@example.com")).id], "sent")
        assert "Frequent restarts" not in made.logs(), "it has not tried again and again"
        assert "hunter2" not in made.logs() + str(error.value)


def test_mails_go_out_at_once_in_bulk_later_and_again(works: Plant) -> None:
    first = send_email.delay(**welcome("zoe@example.com")).id
    deferred = send_email.delay(**welcome("later@example.com")).id
    scheduled = send_email.apply_async(kwargs=welcome("soon@example.com"), countdown=1).id
    urgent = send_email.apply_async(kwargs=welcome("code@example.com"), queue="mail.urgent").id
    rows = send_bulk(
        template="welcome",
        mail_class="bulk",
        recipients=[{"to": f"u{n}@example.com", "context": {"name": str(n)}} for n in range(50)],
    )
    once(works, [first, deferred, scheduled, urgent, *(row.result.id for row in rows if row.result)])
    assert notifier.status(deferred).attempt == 2


def test_a_paused_queue_waits_and_goes_on(works: Plant) -> None:
    operating.pause(Pause("queue", "mail"), "a test")
    held = send_email.delay(**welcome("held@example.com")).id
    passed = send_email.apply_async(kwargs=welcome("passed@example.com"), queue="mail.urgent").id
    works.settle([passed], "sent")
    assert notifier.status(held).state is MailState.WAITING
    operating.resume(Pause("queue", "mail"))
    once(works, [held])


def test_by_name_from_an_app_that_knows_nothing_of_us(works: Plant, rabbitmq: RabbitMQ) -> None:
    other = Celery("other", broker=rabbitmq.url, set_as_current=False)
    other.conf.task_create_missing_queue_type = "quorum"
    with other.connection_for_write() as connection:
        sent = [
            other.send_task(
                "notifier.send_email", kwargs=welcome(f"n{n}@example.com"), queue="mail", connection=connection
            )
            for n in range(3)
        ]
    wait_until(lambda: all(notifier_knows(one.id) for one in sent), "registered on receipt")
    once(works, [one.id for one in sent])


def notifier_knows(mail_id: str) -> bool:
    try:
        return bool(notifier.status(mail_id))
    except notifier.errors.MailNotFound:
        return False


def test_doubled_bells_are_answered_and_harm_nothing(works: Plant, rabbitmq: RabbitMQ) -> None:
    stored = [send_email.delay(**welcome(f"doubled{n}@example.com")).id for n in range(20)]
    ring("mail", [f"stray-{n}" for n in range(50)])
    once(works, stored)
    wait_until(lambda: rabbitmq.depth("mail") == 0, "every stray bell is answered", look_every=0.2)


def test_bells_that_are_purged_are_rung_again(works: Plant, rabbitmq: RabbitMQ) -> None:
    stored = [send_email.delay(**welcome(f"purged{n}@example.com")).id for n in range(5)]
    with Connection(rabbitmq.url) as connection:
        connection.default_channel.queue_purge("mail")
    once(works, stored)


def test_its_queues_are_quorum_queues_and_no_others_are_there(works: Plant, rabbitmq: RabbitMQ) -> None:
    assert works.workers[0].running
    lines = rabbitmq.control("-q", "list_queues", "name", "type", "--no-table-headers").splitlines()
    assert sorted(line.split() for line in lines) == [[queue, "quorum"] for queue in QUEUES]


def test_a_login_that_is_refused_fails_the_call(works: Plant, rabbitmq: RabbitMQ) -> None:
    try:
        works.use(NOTIFIER_BROKER_URL=rabbitmq.url.replace("guest:guest", "guest:hunter2"))
        gate.suspect()
        with pytest.raises(BrokerUnavailable, match="Nothing was stored") as error:
            send_email.delay(**welcome("a@example.com"))
        assert "hunter2" not in str(error.value)
    finally:
        works.use(NOTIFIER_BROKER_URL=rabbitmq.url)
        gate.suspect()


@pytest.fixture(params=["frozen", "short of memory"])
def takes_nothing(request: pytest.FixtureRequest, works: Plant, rabbitmq: RabbitMQ) -> Iterator[None]:
    """A node that lets everybody connect, or even log in, and takes no message."""
    gate.suspect()
    gate.ensure()
    ring("mail", ["so that a connection is there"])
    assert rabbitmq.process is not None
    if request.param == "frozen":
        rabbitmq.process.signal_group(signal.SIGSTOP)
    else:
        rabbitmq.control("set_vm_memory_high_watermark", "absolute", "1MB")
    try:
        yield
    finally:
        if request.param == "frozen":
            rabbitmq.process.signal_group(signal.SIGCONT)
        else:
            rabbitmq.control("set_vm_memory_high_watermark", "0.6")
        gate.suspect()
    once(works, [send_email.delay(**welcome("back@example.com")).id])


@pytest.mark.usefixtures("takes_nothing")
def test_a_node_that_takes_nothing_fails_the_first_call_within_five_seconds_and_loses_no_later_one() -> None:
    with RunningClock() as clock:
        stored = send_email.delay(**welcome("later-call@example.com"))
    assert clock.seconds < PROMISED
    on_its_way = (MailState.WAITING, MailState.CLAIMED, MailState.AT_DOT, MailState.SENT)
    assert notifier.status(stored.id).state in on_its_way
    gate.suspect()
    with RunningClock() as clock, pytest.raises(BrokerUnavailable, match="Nothing was stored"):
        send_email.delay(**welcome("first-call@example.com"))
    assert clock.seconds < PROMISED


def test_a_node_that_is_killed_in_mid_run_and_comes_back_loses_nothing(works: Plant, rabbitmq: RabbitMQ) -> None:
    rabbitmq.write_down_its_queues()
    already = len(works.server.mailbox)
    stored = [send_email.delay(**welcome(f"run{n}@example.com")).id for n in range(100)]
    works.server.mailbox.wait_for(already + 20, timeout=30)
    rabbitmq.kill()
    stored += [send_email.delay(**welcome("during@example.com")).id]  # its bell is lost, and makes the next call look
    ring("mail", ["one that cannot be published"])
    with pytest.raises(BrokerUnavailable, match="Nothing was stored"):
        send_email.delay(**welcome("refused@example.com"))
    rabbitmq.start()
    stored += [send_email.delay(**welcome(f"after{n}@example.com")).id for n in range(20)]
    once(works, stored)
