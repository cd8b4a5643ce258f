from __future__ import annotations

import os
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.test.utils import override_settings
from django_mail import MAILERS

from notifier.errors import ConfigurationError
from notifier.integrations.django import conf
from notifier.settings import Settings
from notifier.settings.table import TABLE

BROKER = {"broker_url": "redis://localhost/0"}


@pytest.fixture(autouse=True)
def nothing_in_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in os.environ:
        if name.startswith("NOTIFIER_") or name in ("CELERY_BROKER_URL", "REDIS_URL"):
            monkeypatch.delenv(name)


def ours() -> dict[str, str]:
    return {name: text for name, text in conf.texts().items() if name.startswith("NOTIFIER_")}


def test_the_dictionary_holds_settings_by_their_names_in_small_letters(tmp_path: Path) -> None:
    given = {**BROKER, "lease": 90, "store_timeout": timedelta(seconds=2), "templates": [tmp_path, tmp_path / "x"]}
    with override_settings(NOTIFIER={**given, "journal": None}):
        assert ours() == {
            "NOTIFIER_BROKER_URL": "redis://localhost/0",
            "NOTIFIER_LEASE": "90",
            "NOTIFIER_STORE_TIMEOUT": "2.0",
            "NOTIFIER_TEMPLATES": f"{tmp_path}{os.pathsep}{tmp_path / 'x'}",
        }


def test_lists_that_are_no_folders_have_blanks_between() -> None:
    with override_settings(NOTIFIER={"smtp_url": ["smtp://a.example", "smtp://b.example"]}):
        assert ours() == {"NOTIFIER_SMTP_URL": "smtp://a.example smtp://b.example"}


def test_the_dictionary_is_stronger_than_the_environment_and_that_than_djangos_own(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("NOTIFIER_BROKER_URL_FILE", str(tmp_path / "broker"))
    monkeypatch.setenv("NOTIFIER_FROM", "environment@example.com")
    with override_settings(NOTIFIER=BROKER, DEFAULT_FROM_EMAIL="django@example.com"):
        assert ours() == {"NOTIFIER_BROKER_URL": "redis://localhost/0", "NOTIFIER_FROM": "environment@example.com"}


def test_djangos_own_sender_and_relay_are_ours() -> None:
    options = {"host": "relay.example.com", "username": "user", "password": "secret", "use_tls": True}
    with override_settings(NOTIFIER=BROKER, DEFAULT_FROM_EMAIL="Shop <shop@example.com>", **relay(**options)):
        found = Settings.load(ours())
    assert (found.sender.display_name, found.sender.addr_spec) == ("Shop", "shop@example.com")
    (endpoint,) = found.endpoints
    assert (endpoint.host, endpoint.port, endpoint.username) == ("relay.example.com", 587, "user")


def relay(backend: str = "notifier.integrations.django.EmailBackend", **options: Any) -> dict[str, Any]:
    if MAILERS:
        return {"MAILERS": {"default": {"BACKEND": backend, "OPTIONS": options}}}
    return {conf.RELAY_SETTINGS[name]: value for name, value in options.items()}


def test_the_relay_of_somebody_elses_mailer_is_not_ours() -> None:
    theirs = {"BACKEND": "django.core.mail.backends.smtp.EmailBackend", "OPTIONS": {"host": "h.example"}}
    with override_settings(NOTIFIER=BROKER, MAILERS={"default": theirs}):
        assert "NOTIFIER_SMTP_URL" not in ours()


def test_a_mailers_port_without_its_host_is_refused() -> None:
    mailer = {"BACKEND": "notifier.integrations.django.EmailBackend", "OPTIONS": {"port": 2525}}
    with (
        override_settings(NOTIFIER=BROKER, MAILERS={"default": mailer}),
        pytest.raises(ConfigurationError, match="port in its OPTIONS, and no host"),
    ):
        conf.texts()


def test_what_is_wrong_with_djangos_own_is_told_in_djangos_words_and_without_the_password() -> None:
    options = {"host": "relay.example.com", "port": 70000, "timeout": 0, "username": "user", "password": "hunter2"}
    with (
        override_settings(NOTIFIER=BROKER, DEFAULT_FROM_EMAIL="nonsense", **relay(**options)),
        pytest.raises(ConfigurationError) as caught,
    ):
        conf.texts()
    told = str(caught.value)
    named = ["['port']", "['timeout']"] if MAILERS else ["EMAIL_PORT", "EMAIL_TIMEOUT"]
    assert all(name in told for name in [*named, "DEFAULT_FROM_EMAIL"])
    assert "hunter2" not in told


def test_a_relay_of_djangos_that_is_not_used_may_be_wrong() -> None:
    with override_settings(NOTIFIER={**BROKER, "smtp_url": "smtp://localhost"}, **relay(host="h.example", port=70000)):
        assert ours()["NOTIFIER_SMTP_URL"] == "smtp://localhost"


@pytest.mark.parametrize("value", [True, b"x", {"a": 1}, [1], object()], ids=lambda value: type(value).__name__)
def test_values_that_have_no_text_are_refused_by_name(value: object) -> None:
    with override_settings(NOTIFIER={"lease": value}), pytest.raises(ConfigurationError, match=r"NOTIFIER\['lease'\]"):
        conf.texts()


def test_a_name_that_is_no_setting_is_refused_with_a_near_one() -> None:
    with override_settings(NOTIFIER={**BROKER, "leese": 3}), pytest.raises(ConfigurationError, match="NOTIFIER_LEASE"):
        Settings.load(conf.texts())


@pytest.mark.parametrize("value", [[], "x", {1: 2}], ids=repr)
def test_what_is_no_dictionary_is_refused(value: object) -> None:
    with override_settings(NOTIFIER=value), pytest.raises(ConfigurationError, match="dictionary"):
        conf.texts()


def test_the_outbox_is_on_or_off() -> None:
    with override_settings(NOTIFIER={"outbox": True}):
        assert conf.outbox_is_on()
        assert ours() == {}
    with override_settings(NOTIFIER={}):
        assert not conf.outbox_is_on()
    with override_settings(NOTIFIER={"outbox": "yes"}), pytest.raises(ConfigurationError, match="True or False"):
        conf.outbox_is_on()


def test_the_integrations_own_names_are_no_settings() -> None:
    taken = {row.name.removeprefix("NOTIFIER_").lower() for row in TABLE}
    assert not taken & set(conf.OWN)
    assert set(conf.PATHS) <= {row.name for row in TABLE}
