"""Celery's own worker for tests, in a thread of the test's process: it sends the mails of an app that is registered."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from celery import Celery, _state
from celery.contrib.testing import worker as celery_worker

import notifier.tasks
from notifier import send_email
from notifier.tasks import registered, runtime
from notifier.tasks.app import app as ours
from notifier.tasks.bells import gate
from notifier.testing import EmbeddedValkey, TestRelay

WELCOME = {"template": "welcome", "to": "zoe@example.com", "context": {"name": "Zoë"}}


@pytest.fixture
def relay(monkeypatch: pytest.MonkeyPatch) -> Iterator[TestRelay]:
    """With a store; the broker is the app's."""
    for name in ("NOTIFIER_BROKER_URL", "CELERY_BROKER_URL", "REDIS_URL"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(registered, "_apps", [])
    before = dict(ours.conf.changes)
    with EmbeddedValkey() as valkey, TestRelay() as made:
        monkeypatch.setenv("NOTIFIER_STORE_URL", valkey.url)
        monkeypatch.setenv("NOTIFIER_SMTP_URL", made.url)
        runtime.configure(None)
        yield made
        runtime.configure(None)
        ours.conf.changes.clear()
        ours.conf.update(before)
        gate.suspect()


def test_it_sends_the_mail_of_an_app_that_is_registered(relay: TestRelay, monkeypatch: pytest.MonkeyPatch) -> None:
    app = Celery("shop", broker="memory://", set_as_current=False)  # as Celery's fixture `celery_config` has it
    # Its own would do this, and set up logging, for every test after this one too.
    monkeypatch.setattr(celery_worker, "setup_app_for_worker", lambda app, *_: app.finalize())
    monkeypatch.setattr(_state, "default_app", app)
    app.conf.task_default_queue = "shop"
    notifier.tasks.register(app)
    with celery_worker.start_worker(app, perform_ping_check=False):
        assert set(app.amqp.queues.consume_from) == {"shop", "mail", "mail.bulk", "mail.urgent"}
        send_email.delay(**WELCOME)
        assert relay.outbox.wait_for(1)
