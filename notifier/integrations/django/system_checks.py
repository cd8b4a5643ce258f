"""What `manage.py check` says about the settings. Nothing is connected to: that is `notifier check`, and `sendtestemail`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from importlib import import_module
from typing import Any

from django.conf import settings
from django.core.checks import CheckMessage, Error, Warning  # noqa: A004 - Django's name

from notifier.errors import ConfigurationError
from notifier.integrations.django import conf
from notifier.settings import Settings

HINT = "Write NOTIFIER['…'] in the settings, or the variable: docs/reference/settings.md says what each is."
# What sending at once does not need; see `notifier.tasks.runtime.inline_settings`.
_UNUSED = {"NOTIFIER_BROKER_URL": "memory://", "NOTIFIER_STORE_URL": "redis://localhost"}


def check_settings(app_configs: object = None, **_: Any) -> list[CheckMessage]:  # noqa: ARG001 - Django's signature
    """Everything that would end the first mail; only where a backend of ours is chosen, for tests have others."""
    used = frozenset[str]().union(*map(conf.ours_in, _backends()))
    return list(_found(enqueues="EmailBackend" in used)) if used else []


def _backends() -> list[str]:
    if settings.is_overridden("MAILERS"):
        return [str(mailer.get("BACKEND", "")) for mailer in settings.MAILERS.values()]
    return [str(settings.EMAIL_BACKEND)] if settings.is_overridden("EMAIL_BACKEND") else []


def _found(*, enqueues: bool) -> Iterator[CheckMessage]:
    problems: list[str] = []
    texts: Mapping[str, str] = {}
    outbox = False
    with _told(problems):
        outbox = conf.outbox_is_on()
    with _told(problems):
        texts = conf.readable_texts(problems)
    if texts:
        with _told(problems):
            Settings.load(texts if enqueues else {**_UNUSED, **texts})
    # What is no dictionary is said by each who asks.
    yield from (Error(problem, hint=HINT, id="notifier.E001") for problem in dict.fromkeys(problems))
    if outbox:
        yield from _check_outbox()
    if not problems:
        yield from _missing(texts)


@contextmanager
def _told(problems: list[str]) -> Iterator[None]:
    try:
        yield
    except ConfigurationError as error:
        problems.extend(error.problems)


def _check_outbox() -> Iterator[CheckMessage]:
    try:
        import_module(f"{conf.OURS}outbox")
    except (ImportError, RuntimeError) as error:  # models of an app that is not installed are a RuntimeError
        yield Error(
            f"NOTIFIER['outbox'] is on, and the outbox cannot be used: {error}",
            hint="Put 'notifier.integrations.django' into INSTALLED_APPS, and migrate.",
            id="notifier.E002",
        )


def _missing(texts: Mapping[str, str]) -> Iterator[CheckMessage]:
    if not {"NOTIFIER_SMTP_URL", "NOTIFIER_SMTP_URL_FILE"} & texts.keys():
        yield Warning(
            "No relay is named: mails go to localhost, port 25.",
            hint="Set NOTIFIER['smtp_url'], EMAIL_HOST or, from Django 6.1 on, the host of the default mailer.",
            id="notifier.W001",
        )
    if not {"NOTIFIER_FROM", "NOTIFIER_FROM_FILE"} & texts.keys():
        yield Warning(
            f"No sender is named: mails are from {settings.DEFAULT_FROM_EMAIL}.",
            hint="Set DEFAULT_FROM_EMAIL to an address of a domain of yours.",
            id="notifier.W002",
        )
