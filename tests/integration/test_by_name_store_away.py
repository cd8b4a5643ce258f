"""A mail enqueued by name is not lost where the broker is there and the store is not."""

from __future__ import annotations

from pathlib import Path

from workers import plant, wait_until

from notifier.model.ids import new_mail_id
from notifier.tasks.app import app
from notifier.tasks.runtime import runtime
from notifier.testing import EmbeddedValkey


def test_it_waits_with_the_broker_until_the_store_is_back(tmp_path: Path) -> None:
    with EmbeddedValkey() as store, plant(tmp_path, NOTIFIER_STORE_URL=store.url) as made:
        made.environ["NOTIFIER_STORE_TIMEOUT"] = "1"
        made.launch_worker(slots=1)
        wait_until(lambda: "ready." in made.logs(), "the worker is ready")
        store.kill()
        mail_id = by_name()
        wait_until(lambda: f"{mail_id} comes again" in made.logs(), "the worker has met the store that is away")
        store.start()
        wait_until(lambda: is_known(mail_id), "the mail is registered")
        made.settle([mail_id], "sent")
        assert len([mail for mail in made.server.mailbox if mail_id in mail.message_id]) == 1


def by_name() -> str:
    kwargs = {"template": "welcome", "to": "zoe@example.com", "context": {"name": "Zoë"}}
    return str(app.send_task("notifier.send_email", kwargs=kwargs, queue="mail", task_id=new_mail_id()).id)


def is_known(mail_id: str) -> bool:
    return runtime().store.status(mail_id) is not None
