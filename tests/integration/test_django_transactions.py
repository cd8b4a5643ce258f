"""Without the outbox: what a transaction asks for is enqueued after its commit, and not at all after a rollback."""

from __future__ import annotations

import smtplib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from django.core.exceptions import ImproperlyConfigured
from django.core.mail import EmailMessage
from django.db import connections, transaction
from django.test.utils import override_settings
from django_mail import connection, installed
from workers import Plant, plant

from notifier.integrations.django import handover
from notifier.settings import Settings
from notifier.tasks.app import use_settings
from notifier.tasks.bells import gate
from notifier.tasks.runtime import runtime

NOBODY = "redis://127.0.0.1:1/0"


@pytest.fixture
def works(tmp_path: Path) -> Iterator[Plant]:
    with plant(tmp_path) as made:
        yield made


@pytest.fixture
def databases(tmp_path: Path) -> Iterator[None]:
    chosen = {
        name: {**connections.configure_settings({"default": {}})["default"], **sqlite(tmp_path / name)}
        for name in ("default", "other")
    }
    before = connections.settings
    connections.settings = chosen
    for name in chosen:
        connections[name] = connections.create_connection(name)
    yield
    for name in chosen:
        connections[name].close()
        del connections[name]
    connections.settings = before


def sqlite(path: Path) -> dict[str, Any]:
    return {"ENGINE": "django.db.backends.sqlite3", "NAME": str(path)}


def message() -> EmailMessage:
    return EmailMessage("S", "C", "from@example.com", ["to@example.com"])


@contextmanager
def rolled_back() -> Iterator[None]:
    with transaction.atomic():
        yield
        transaction.set_rollback(True)


def waiting() -> int:
    return sum(runtime().store.counts("mail").values())


def test_a_commit_enqueues_and_a_rollback_does_not(works: Plant, databases: None) -> None:
    with transaction.atomic():
        assert connection().send_messages([message(), message()]) == 2
        assert waiting() == 0
    assert waiting() == 2
    with rolled_back():
        connection().send_messages([message()])
    assert waiting() == 2


def test_a_savepoint_that_is_rolled_back_takes_its_mails_along(works: Plant, databases: None) -> None:
    with transaction.atomic():
        connection().send_messages([message()])
        with rolled_back():
            connection().send_messages([message()])
    assert waiting() == 1


def test_outside_of_a_transaction_it_is_enqueued_at_once(works: Plant, databases: None) -> None:
    connection().send_messages([message()])
    assert waiting() == 1


def test_the_transaction_is_that_of_the_database_that_the_backend_is_told(works: Plant, databases: None) -> None:
    with transaction.atomic(using="other"):
        connection().send_messages([message()])
        assert waiting() == 1
        connection(database="other").send_messages([message()])
        assert waiting() == 1
    assert waiting() == 2


def test_a_broker_that_is_down_is_told_before_the_commit(works: Plant, databases: None) -> None:
    gate.suspect()
    use_settings(Settings.load({"NOTIFIER_BROKER_URL": NOBODY, "NOTIFIER_STORE_URL": works.valkey.url}))
    with pytest.raises(smtplib.SMTPException), transaction.atomic():
        connection().send_messages([message()])


def test_a_store_that_fails_at_the_commit_is_told_after_it_and_logged_where_it_fails_silently(
    works: Plant, databases: None
) -> None:
    gate.ensure()
    use_settings(Settings.load({"NOTIFIER_BROKER_URL": works.valkey.url, "NOTIFIER_STORE_URL": NOBODY}))
    with pytest.raises(smtplib.SMTPException, match="not reached"), transaction.atomic():
        connection().send_messages([message()])
    with transaction.atomic():
        connection(fail_silently=True).send_messages([message()])


def test_with_the_outbox_it_is_the_outbox_that_gets_the_mails(
    works: Plant, databases: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    written: list[tuple[int, str | None]] = []

    class Outbox:
        @staticmethod
        def write(mails: Any, using: str | None) -> None:
            written.append((len(mails), using))

    monkeypatch.setattr(handover, "import_module", lambda _: Outbox)
    with installed(), override_settings(NOTIFIER={"outbox": True}):
        connection(database="other").send_messages([message(), message()])
    assert written == [(2, "other")]
    assert waiting() == 0


def test_an_outbox_of_a_project_that_has_not_installed_it_is_djangos_error(works: Plant) -> None:
    with override_settings(NOTIFIER={"outbox": True}), pytest.raises(ImproperlyConfigured, match="INSTALLED_APPS"):
        connection().send_messages([message()])
