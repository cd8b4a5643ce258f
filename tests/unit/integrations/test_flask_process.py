"""Whose settings a process has, and what is read again while it runs."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from flask import Flask

from notifier.integrations.flask import Mail, process
from notifier.integrations.flask.state import State
from notifier.settings import watch
from notifier.tasks.runtime import Runtime, runtime

pytestmark = pytest.mark.unit
SENDER = "shop@example.com"


@pytest.fixture(autouse=True)
def a_process_of_its_own(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    for name in list(os.environ):
        if name.startswith("NOTIFIER_") or name in ("CELERY_BROKER_URL", "REDIS_URL"):
            monkeypatch.delenv(name)
    monkeypatch.setattr(watch, "LOOK_EVERY", 0.0)
    process.release()
    yield
    process.release()


def state_of(**config: Any) -> State:
    app = Flask("shop")
    app.config.update(NOTIFIER_BROKER_URL="memory://", NOTIFIER_STORE_URL="redis://localhost", **config)
    return Mail().init_app(app)


def relay_in(file: Path, password: str) -> None:
    file.write_text(f"smtp://user:{password}@relay.example.com")
    file.chmod(0o600)


def password_of(mine: Runtime) -> str:
    (endpoint,) = mine.settings.endpoints
    assert endpoint.password is not None
    return endpoint.password.reveal()


def test_a_password_in_a_file_is_read_again_when_it_has_changed(tmp_path: Path) -> None:
    relay = tmp_path / "relay"
    relay_in(relay, "of-yesterday")
    process.take(state_of(NOTIFIER_SMTP_URL_FILE=str(relay)))
    assert password_of(runtime()) == "of-yesterday"
    relay_in(relay, "of-today")
    assert password_of(runtime()) == "of-today"


def test_after_a_release_the_settings_are_those_of_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    process.take(state_of(NOTIFIER_FROM=SENDER))
    assert runtime().settings.sender.addr_spec == SENDER
    process.release()
    for name, text in {"BROKER_URL": "memory://", "STORE_URL": "redis://localhost", "FROM": "env@example.com"}.items():
        monkeypatch.setenv(f"NOTIFIER_{name}", text)
    assert runtime().settings.sender.addr_spec == "env@example.com"


def test_apps_with_the_same_settings_share_what_checks_their_suppressed_mails() -> None:
    """And with it the compiled templates: a test suite makes an app for each test."""
    first, second, other = state_of(TESTING=True), state_of(TESTING=True), state_of(TESTING=True, NOTIFIER_FROM=SENDER)
    assert first.aside is second.aside
    assert first.aside is not other.aside


def test_what_checks_suppressed_mails_reads_changed_files_too(tmp_path: Path) -> None:
    relay = tmp_path / "relay"
    relay_in(relay, "of-yesterday")
    state = state_of(TESTING=True, NOTIFIER_SMTP_URL_FILE=str(relay))
    assert password_of(state.aside) == "of-yesterday"
    relay_in(relay, "of-today")
    assert password_of(state.aside) == "of-today"
