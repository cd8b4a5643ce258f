"""Django's settings as Notifier's: ``NOTIFIER = {…}`` first, then the environment, then Django's own for e-mail.

The keys of ``NOTIFIER`` are the settings of docs/reference/settings.md in small letters and without their prefix; `OWN` are
those that this integration adds. Lists are for folders and for what has blanks between.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.signals import setting_changed

from notifier.errors import ConfigurationError
from notifier.integrations.django.relay_url import relay_url
from notifier.tasks.bells import gate
from notifier.tasks.runtime import read_settings_from

OUTBOX = "outbox"
OWN: Mapping[str, str] = {
    OUTBOX: "True: mails are written to the database in the transaction that asks for them, and handed over after its commit.",
}
PREFIX = "NOTIFIER_"
PATHS = ("NOTIFIER_TEMPLATES", "NOTIFIER_UNTRUSTED_TEMPLATES", "NOTIFIER_ATTACHMENT_ROOTS")
WATCHED = ("NOTIFIER", "MAILERS", "DEFAULT_FROM_EMAIL")
OURS = "notifier.integrations.django."

# How the options of a relay are called in MAILERS, and in the settings of before.
RELAY_SETTINGS: Mapping[str, str] = {
    "host": "EMAIL_HOST",
    "port": "EMAIL_PORT",
    "username": "EMAIL_HOST_USER",
    "password": "EMAIL_HOST_PASSWORD",
    "use_tls": "EMAIL_USE_TLS",
    "use_ssl": "EMAIL_USE_SSL",
    "timeout": "EMAIL_TIMEOUT",
    "ssl_keyfile": "EMAIL_SSL_KEYFILE",
    "ssl_certfile": "EMAIL_SSL_CERTFILE",
}

_connected = False


def connect() -> None:
    """Make Django's settings those of this process, and follow the overrides of tests."""
    global _connected  # noqa: PLW0603 - once a process
    _connected = True
    read_settings_from(texts)
    setting_changed.connect(_follow, dispatch_uid=__name__)


def connect_once() -> None:
    """For projects that have the backend alone, and not the app in INSTALLED_APPS."""
    if not _connected:
        connect()


def _follow(*, setting: str, **_: Any) -> None:
    if setting in WATCHED or setting in RELAY_SETTINGS.values():
        gate.suspect()
        read_settings_from(texts)


def given() -> Mapping[str, Any]:
    """What ``NOTIFIER`` says. Raises `ConfigurationError` where that is no dictionary."""
    found = getattr(settings, "NOTIFIER", {})
    if not isinstance(found, Mapping) or not all(isinstance(key, str) for key in found):
        raise ConfigurationError(["NOTIFIER is a dictionary of settings by their names, such as {'broker_url': …}"])
    return found


def outbox_is_on() -> bool:
    """Whether mails go through the outbox. Raises `ConfigurationError` for what is neither True nor False."""
    found = given().get(OUTBOX, False)
    if not isinstance(found, bool):
        raise ConfigurationError([f"NOTIFIER['{OUTBOX}'] is True or False, and not {found!r}"])
    return found


def texts() -> Mapping[str, str]:
    """Every setting as the environment would have it. Raises `ConfigurationError` for values that have no such form."""
    chosen = {PREFIX + key.upper(): value for key, value in given().items() if key not in OWN and value is not None}
    problems: list[str] = []
    ours = {name: _text(name, value, problems) for name, value in chosen.items()}
    if problems:
        raise ConfigurationError(problems)
    environ = {name: text for name, text in os.environ.items() if name.removesuffix("_FILE") not in ours}
    django = {name: text for name, text in _djangos_own().items() if f"{name}_FILE" not in environ}
    return {**django, **environ, **ours}


def _text(name: str, value: object, problems: list[str]) -> str:
    if isinstance(value, str | Path):
        return str(value)
    if isinstance(value, list | tuple) and all(isinstance(one, str | Path) for one in value):
        return (os.pathsep if name in PATHS else " ").join(map(str, value))
    if isinstance(value, timedelta):
        return str(value.total_seconds())
    if isinstance(value, int | float) and not isinstance(value, bool):
        return str(value)
    key = name.removeprefix(PREFIX).lower()
    problems.append(f"NOTIFIER[{key!r}] is text, a number, a path or a list of them, and not {type(value).__name__}")
    return ""


def _djangos_own() -> dict[str, str]:
    found: dict[str, str] = {}
    options = relay_options()
    if options.get("host"):
        found["NOTIFIER_SMTP_URL"] = relay_url(**options)
    if settings.is_overridden("DEFAULT_FROM_EMAIL"):
        found["NOTIFIER_FROM"] = str(settings.DEFAULT_FROM_EMAIL)
    return found


def relay_options() -> dict[str, Any]:
    """Of the default mailer where that is ours; of ``EMAIL_*`` where there are no mailers (Django before 6.1).

    Raises `ConfigurationError` for a mailer's options without a host.
    """
    if settings.is_overridden("MAILERS"):
        return _of_default_mailer()
    set_ones = {name: old for name, old in RELAY_SETTINGS.items() if settings.is_overridden(old)}
    if not set_ones:
        return {}
    return {"host": "localhost", **{name: getattr(settings, old) for name, old in set_ones.items()}}


def _of_default_mailer() -> dict[str, Any]:
    mailer = settings.MAILERS.get("default", {})
    if not str(mailer.get("BACKEND", "")).startswith(OURS):
        return {}
    options = {name: value for name, value in mailer.get("OPTIONS", {}).items() if name in RELAY_SETTINGS}
    if options and not options.get("host"):
        raise ConfigurationError([f"MAILERS['default'] has {', '.join(sorted(options))} in its OPTIONS, and no host"])
    return options
