"""Somebody's own Celery app, with its own queue and settings, sends mail through its own workers."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import venv
from collections.abc import Iterator
from importlib.metadata import distribution, requires
from pathlib import Path

import pytest
from celery import Celery
from packaging.requirements import Requirement
from workers import TOP, Plant, plant, wait_until

from notifier import send_email
from notifier.model.ids import new_mail_id
from notifier.model.state import MailState
from notifier.tasks.runtime import runtime

APP = "programs.old_shop"


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Plant]:
    """Nothing names a broker to Notifier: the shop's is taken."""
    with plant(tmp_path_factory.mktemp("shop")) as made:
        made.environ["SHOP_BROKER"] = made.environ.pop("NOTIFIER_BROKER_URL")
        made.environ["PYTHONPATH"] = f"{TOP}{os.pathsep}{TOP / 'tests'}"
        made.environ["C_FORCE_ROOT"] = "1"  # the shop takes pickles, and a container's user may be root
        made.start_worker(app=APP)
        yield made


@pytest.fixture(scope="module")
def client(shop: Plant) -> Celery:
    """What a process without the shop's code has: Celery and the broker's URL."""
    made = Celery("client", broker=shop.valkey.url, backend=shop.valkey.url, set_as_current=False)
    made.conf.update(task_default_queue="shop", accept_content=["json", "pickle"])
    return made


# A mail, a chain that ends with one, a group, and what a worker for one queue would consume.
SENDING = f"""
import json
from celery import chain, group
from {APP} import *

plain = send_email.delay(template="welcome", to="a@example.com", context={{"name": "Zoë"}})
last = chain(order.s(7), signature_of_a_mail("c@example.com")).on_error(order.si(0)).apply_async(serializer="json")
many = group(signature_of_a_mail(f"g{{number}}@example.com") for number in range(3)).apply_async()
app.Worker(queues="shop", pool="solo", quiet=True)
queues = list(app.amqp.queues.consume_from)
print(json.dumps({{"plain": [plain.id], "chain": [last.id], "group": [one.id for one in many], "queues": queues}}))
"""


@pytest.fixture(scope="module")
def sent(shop: Plant) -> dict[str, list[str]]:
    """By a process that has imported the shop: its mails' ids."""
    ran = subprocess.run(
        [sys.executable, "-c", SENDING], env=shop.environ, cwd=TOP, capture_output=True, text=True, check=False
    )
    assert ran.returncode == 0, ran.stderr
    told: dict[str, list[str]] = json.loads(ran.stdout)
    return told


def caught(shop: Plant, mail_id: str) -> int:
    return len([mail for mail in shop.server.mailbox if mail_id in mail.message_id])


def welcome(to: str, **more: object) -> dict[str, object]:
    return {"template": "welcome", "to": to, "context": {"name": "Zoë"}, **more}


def test_a_mail_goes_through_the_apps_own_broker_and_worker(shop: Plant, sent: dict[str, list[str]]) -> None:
    (mail_id,) = sent["plain"]
    shop.settle([mail_id], "sent")
    assert caught(shop, mail_id) == 1
    result = send_email.AsyncResult(mail_id)
    assert (result.state, result.result, result.traceback) == ("SUCCESS", result.get(timeout=0), None)


def test_the_result_of_a_mail_that_waits_is_none_and_of_one_that_was_cancelled_an_error(shop: Plant) -> None:
    result = send_email.apply_async(kwargs=welcome("later@example.com"), countdown=3600)
    assert (result.result, result.info, result.queue) == (None, None, "mail")
    result.revoke()
    assert str(result.result) == f"mail {result.id} is cancelled"


def test_the_apps_own_tasks_go_on(shop: Plant, client: Celery) -> None:
    assert client.send_task(f"{APP}.add", (2, 3), serializer="json").get(timeout=60) == 5


def test_a_shared_task_sends_a_mail_once_however_often_it_runs(shop: Plant, client: Celery) -> None:
    results = [client.send_task(f"{APP}.thank", ("b@example.com", "thanks-1"), serializer="json") for _ in range(3)]
    ids = {result.get(timeout=60) for result in results}
    assert len(ids) == 1
    shop.settle([*ids], "sent")
    assert caught(shop, ids.pop()) == 1


def test_a_mail_is_the_last_of_a_chain(shop: Plant, sent: dict[str, list[str]]) -> None:
    (mail_id,) = sent["chain"]
    wait_until(lambda: runtime().store.status(mail_id) is not None, "the chain came to its mail")
    shop.settle([mail_id], "sent")
    assert caught(shop, mail_id) == 1


def test_a_group_of_mails_is_many_mails(shop: Plant, sent: dict[str, list[str]]) -> None:
    shop.settle(sent["group"], "sent")
    assert [caught(shop, one) for one in sent["group"]] == [1, 1, 1]


def test_by_name_a_mail_without_a_queue_gets_that_of_its_class(shop: Plant, client: Celery) -> None:
    sent = client.send_task(
        "notifier.send_email", kwargs=welcome("d@example.com", mail_class="bulk"), task_id=new_mail_id()
    )
    wait_until(lambda: runtime().store.status(sent.id) is not None, "registered on receipt")
    shop.settle([sent.id], "sent")
    assert runtime().store.status(sent.id).queue == "mail.bulk"  # type: ignore[union-attr]  # it is there


def test_a_worker_for_some_queues_only_stays_one(sent: dict[str, list[str]]) -> None:
    assert sent["queues"] == ["shop"]


def test_a_worker_says_what_stands_in_the_way_and_does_not_start(shop: Plant) -> None:
    code = (
        "from kombu import Exchange, Queue\n"
        "app.conf.accept_content = ['pickle']\n"
        "app.conf.task_queues = [Queue('mail', Exchange('all', type='topic'), routing_key='#')]\n"
        "app.worker_main(['worker', '-c', '1'])"
    )
    command = [sys.executable, "-c", f"from {APP} import app\n{code}"]
    ran = subprocess.run(command, env=shop.environ, cwd=TOP, capture_output=True, text=True, timeout=60, check=False)
    assert ran.returncode != 0
    assert "accept_content of the Celery app 'shop' has no json" in ran.stderr
    assert "has a queue 'mail' with a topic exchange" in ran.stderr
    assert "Traceback" not in ran.stderr


ONLY_CELERY = """
import sys
from celery import Celery
app = Celery(broker=sys.argv[1])
kwargs = {"template": "welcome", "to": "plain@example.com", "context": {"name": "Zoë"}}
print(app.send_task("notifier.send_email", kwargs=kwargs, queue=sys.argv[2]).id)
try:
    import notifier
except ImportError:
    print("without it")
"""


def needed(requirement: str) -> set[str]:
    """The distributions that pip would install for it, of those that are here."""
    left, found = [Requirement(requirement)], set[Requirement]()
    while left:
        one = left.pop()
        if one not in found:
            found.add(one)
            left += [further for further in map(Requirement, requires(one.name) or ()) if is_meant(further, one.extras)]
    return {one.name for one in found}


def is_meant(requirement: Requirement, extras: set[str]) -> bool:
    marker = requirement.marker
    return marker is None or any(marker.evaluate({"extra": extra}) for extra in extras or {""})


@pytest.fixture(scope="module")
def only_celery(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The Python of an environment that has Celery with Redis, and nothing else."""
    home = tmp_path_factory.mktemp("only-celery") / "venv"
    venv.create(home)
    (packages,) = home.glob("lib/python*/site-packages")
    for one in map(distribution, needed("celery[redis]")):
        for top in {file.parts[0] for file in one.files or ()} - {"..", "__pycache__"}:
            (packages / top).symlink_to(one.locate_file(top))
    return home / "bin" / "python"


@pytest.mark.parametrize("queue", ["shop", "mail.urgent"])
def test_a_process_that_has_only_celery_enqueues_by_name(shop: Plant, only_celery: Path, queue: str) -> None:
    command = [str(only_celery), "-I", "-c", ONLY_CELERY, shop.valkey.url, queue]
    ran = subprocess.run(command, capture_output=True, text=True, check=True, timeout=60)
    mail_id, without = ran.stdout.split(maxsplit=1)
    assert without.strip() == "without it"
    wait_until(lambda: runtime().store.status(mail_id) is not None, "registered on receipt")
    shop.settle([mail_id], MailState.SENT)
    assert caught(shop, mail_id) == 1
