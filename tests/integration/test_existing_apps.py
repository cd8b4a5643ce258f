"""Somebody's own Celery app, with its own queue and settings, sends mail through its own workers."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from celery import Celery
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


def in_the_shop(shop: Plant, code: str) -> str:
    """What the code prints in a process that has imported the shop."""
    command = [sys.executable, "-c", f"from {APP} import *\n{code}"]
    ran = subprocess.run(command, env=shop.environ, cwd=TOP, capture_output=True, text=True, timeout=60, check=False)
    assert ran.returncode == 0, ran.stderr
    return ran.stdout.strip()


def caught(shop: Plant, mail_id: str) -> int:
    return len([mail for mail in shop.server.mailbox if mail_id in mail.message_id])


def welcome(to: str, **more: object) -> dict[str, object]:
    return {"template": "welcome", "to": to, "context": {"name": "Zoë"}, **more}


def test_a_mail_goes_through_the_apps_own_broker_and_worker(shop: Plant) -> None:
    mail_id = in_the_shop(
        shop, "print(send_email.delay(template='welcome', to='a@example.com', context={'name': 'Zoë'}).id)"
    )
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


def test_a_mail_is_the_last_of_a_chain(shop: Plant) -> None:
    steps = "chain(order.s(7), signature_of_a_mail('c@example.com')).on_error(order.si(0))"
    mail_id = in_the_shop(shop, f"from celery import chain\nprint({steps}.apply_async(serializer='json').id)")
    wait_until(lambda: runtime().store.status(mail_id) is not None, "the chain came to its mail")
    shop.settle([mail_id], "sent")
    assert caught(shop, mail_id) == 1


def test_a_group_of_mails_is_many_mails(shop: Plant) -> None:
    code = "print(*[one.id for one in group(signature_of_a_mail(f'g{n}@example.com') for n in range(3)).apply_async()])"
    ids = in_the_shop(shop, f"from celery import group\n{code}").split()
    shop.settle(ids, "sent")
    assert [caught(shop, one) for one in ids] == [1, 1, 1]


def test_by_name_a_mail_without_a_queue_gets_that_of_its_class(shop: Plant, client: Celery) -> None:
    sent = client.send_task(
        "notifier.send_email", kwargs=welcome("d@example.com", mail_class="bulk"), task_id=new_mail_id()
    )
    wait_until(lambda: runtime().store.status(sent.id) is not None, "registered on receipt")
    shop.settle([sent.id], "sent")
    assert runtime().store.status(sent.id).queue == "mail.bulk"  # type: ignore[union-attr]  # it is there


def test_a_worker_for_some_queues_only_stays_one(shop: Plant) -> None:
    worker = shop.launch_worker("-Q", "shop", "-n", "only@here", app=APP)
    wait_until(lambda: "only@here ready" in shop.logs(), "the second worker is ready")
    banner = shop.logs().rpartition("[queues]")[2]
    assert ".> shop" in banner
    assert ".> mail" not in banner
    worker.stop()


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


def test_another_broker_in_the_settings_is_named(shop: Plant) -> None:
    environ = {**shop.environ, "NOTIFIER_BROKER_URL": "redis://elsewhere:1/0"}
    code = f"from {APP} import thank; thank('x@example.com', 'k')"
    ran = subprocess.run(
        [sys.executable, "-c", code], env=environ, cwd=TOP, capture_output=True, text=True, check=False
    )
    assert "NOTIFIER_BROKER_URL names another broker than the Celery app 'shop'" in ran.stderr


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


@pytest.fixture(scope="module")
def only_celery(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The Python of an environment that has Celery with Redis, and nothing else."""
    home = tmp_path_factory.mktemp("only-celery") / "venv"
    subprocess.run([sys.executable, "-m", "venv", str(home)], check=True, timeout=120)
    python = home / "bin" / "python"
    pins = ["-c", str(TOP / "requirements.txt")]
    install = [python, "-m", "pip", "install", "-qq", "--disable-pip-version-check", *pins, "celery[redis]"]
    ran = subprocess.run(install, check=False, timeout=240, capture_output=True, text=True)
    if ran.returncode and not os.environ.get("CI"):
        pytest.skip("no package index is here")
    assert ran.returncode == 0, ran.stderr
    return python


@pytest.mark.parametrize("queue", ["shop", "mail.urgent"])
def test_a_process_that_has_only_celery_enqueues_by_name(shop: Plant, only_celery: Path, queue: str) -> None:
    command = [str(only_celery), "-I", "-c", ONLY_CELERY, shop.valkey.url, queue]
    ran = subprocess.run(command, capture_output=True, text=True, check=True, timeout=60)
    mail_id, without = ran.stdout.split(maxsplit=1)
    assert without.strip() == "without it"
    wait_until(lambda: runtime().store.status(mail_id) is not None, "registered on receipt")
    shop.settle([mail_id], MailState.SENT)
    assert caught(shop, mail_id) == 1
