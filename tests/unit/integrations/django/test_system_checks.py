from __future__ import annotations

import os
from typing import Any

import pytest
from django.test.utils import override_settings
from django_mail import MAILERS, default_mailer

from notifier.integrations.django import EmailBackend, conf
from notifier.integrations.django.system_checks import check_settings

WHOLE = {"broker_url": "redis://localhost/0", "smtp_url": "smtp://localhost"}


@pytest.fixture(autouse=True)
def nothing_in_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in os.environ:
        if name.startswith("NOTIFIER_") or name in ("CELERY_BROKER_URL", "REDIS_URL"):
            monkeypatch.delenv(name)


def found(backend: str = "EmailBackend", /, **notifier: Any) -> list[tuple[str, str]]:
    with default_mailer(backend), override_settings(NOTIFIER=notifier, DEFAULT_FROM_EMAIL="shop@example.com"):
        return [(one.id, one.msg) for one in check_settings()]


def test_whole_settings_have_no_finding() -> None:
    assert found(**WHOLE) == []


def test_every_problem_is_an_error_of_its_own() -> None:
    problems = found(broker_url="nonsense://", lease=-1, templates=["/nowhere"], hots="x", batch=object(), outbox="on")
    assert {id_ for id_, _ in problems} == {"notifier.E001"}
    told = " ".join(text for _, text in problems)
    named = ("NOTIFIER_BROKER_URL", "NOTIFIER_LEASE", "/nowhere", "NOTIFIER_HOTS", "['batch']", "['outbox']")
    assert all(name in told for name in named)


def test_sending_at_once_needs_no_broker_and_enqueueing_does() -> None:
    assert found("SMTPBackend", smtp_url="smtp://localhost") == []
    ((id_, text),) = found(smtp_url="smtp://localhost")
    assert id_ == "notifier.E001"
    assert "NOTIFIER_BROKER_URL is not set" in text


class OfTheProject(EmailBackend):
    """As projects have them, to add a header to every mail."""


@pytest.mark.parametrize("backend", [f"{__name__}.OfTheProject", "notifier.integrations.django.backends.EmailBackend"])
def test_a_backend_by_another_path_or_over_ours_is_ours(backend: str) -> None:
    relay = {"host": "relay.example.com"}
    chosen: dict[str, Any] = {"EMAIL_BACKEND": backend, "EMAIL_HOST": relay["host"]}
    if MAILERS:
        chosen = {"MAILERS": {"default": {"BACKEND": backend, "OPTIONS": relay}}}
    with override_settings(NOTIFIER={}, **chosen):
        assert conf.relay_options()["host"] == "relay.example.com"
        (problem,) = (one for one in check_settings() if one.id == "notifier.E001")
    assert "NOTIFIER_BROKER_URL is not set" in problem.msg


def test_a_relay_or_sender_that_nobody_has_named_is_a_warning() -> None:
    with default_mailer(), override_settings(NOTIFIER={"broker_url": "redis://localhost/0"}):
        assert [one.id for one in check_settings()] == ["notifier.W001", "notifier.W002"]


def test_where_another_backend_is_chosen_nothing_is_asked_for() -> None:
    with override_settings(NOTIFIER={"broker_url": "nonsense://"}):
        assert check_settings() == []


def test_a_dictionary_that_cannot_be_read_is_an_error() -> None:
    with default_mailer(), override_settings(NOTIFIER="redis://localhost"):
        assert [one.id for one in check_settings()] == ["notifier.E001"]
