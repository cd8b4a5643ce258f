"""Django's settings as Notifier's: ``NOTIFIER = {…}`` first, then the environment, then Django's own for e-mail.

The keys of ``NOTIFIER`` are the settings of docs/reference/settings.md in small letters and without their prefix; `OWN` are
those that this integration adds. Lists are for folders and for what has blanks between.
"""

from __future__ import annotations

import os
from collections.abc import Container, Iterable, Iterator, Mapping
from datetime import timedelta
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.signals import setting_changed
from django.utils.module_loading import import_string

from notifier.errors import ConfigurationError, InvalidAddress
from notifier.integrations.django.relay_problems import relay_problems
from notifier.integrations.django.relay_url import relay_url
from notifier.model.address import Address
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
    problems: list[str] = []
    found = readable_texts(problems)
    if problems:
        raise ConfigurationError(problems)
    return found


def readable_texts(problems: list[str]) -> Mapping[str, str]:
    """The same of those that have such a form; what is wrong with the others goes to ``problems``.

    Raises `ConfigurationError` where ``NOTIFIER`` is no dictionary.
    """
    chosen = {PREFIX + key.upper(): value for key, value in given().items() if key not in OWN and value is not None}
    read = {name: _text(name, value, problems) for name, value in chosen.items()}
    ours = {name: text for name, text in read.items() if text is not None}
    environ = {name: text for name, text in os.environ.items() if name.removesuffix("_FILE") not in chosen}
    left = {"NOTIFIER_SMTP_URL", "NOTIFIER_FROM"}.difference(chosen, environ, _named_by_file(environ))
    return {**dict(_djangos_own(left, problems)), **environ, **ours}


def _named_by_file(names: Iterable[str]) -> set[str]:
    return {name.removesuffix("_FILE") for name in names if name.endswith("_FILE")}


def _text(name: str, value: object, problems: list[str]) -> str | None:
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
    return None


def _djangos_own(left: Container[str], problems: list[str]) -> Iterator[tuple[str, str]]:
    """Of what is ``left`` to them: a relay that is not used may be as wrong as it likes."""
    if "NOTIFIER_SMTP_URL" in left and (url := _djangos_relay(problems)):
        yield "NOTIFIER_SMTP_URL", url
    if "NOTIFIER_FROM" in left and settings.is_overridden("DEFAULT_FROM_EMAIL"):
        sender = str(settings.DEFAULT_FROM_EMAIL)
        try:
            Address.parse(sender)
        except InvalidAddress as error:
            problems.append(f"DEFAULT_FROM_EMAIL is no mailbox: {error}")
        else:
            yield "NOTIFIER_FROM", sender


def _djangos_relay(problems: list[str]) -> str | None:
    try:
        options = relay_options()
    except ConfigurationError as error:
        problems.extend(error.problems)
        return None
    if not options.get("host"):
        return None
    told = list(relay_problems(options, _said))
    problems.extend(told)
    return None if told else relay_url(**options)


def _said(option: str) -> str:
    if settings.is_overridden("MAILERS"):
        return f"MAILERS['default']['OPTIONS']['{option}']"
    return RELAY_SETTINGS[option]


def ours_in(backend: str) -> frozenset[str]:
    """The names of our backends that the one of this path is: projects have classes of their own over one."""
    try:
        found = import_string(backend)
    except ImportError:
        return frozenset()  # Django says so to whoever sends
    return frozenset(base.__name__ for base in getattr(found, "__mro__", ()) if base.__module__.startswith(OURS))


def relay_is_djangos() -> bool:
    """Whether mails go where Django's own settings say; False where ``NOTIFIER`` or the environment names the relay."""
    named = os.environ.keys() & {"NOTIFIER_SMTP_URL", "NOTIFIER_SMTP_URL_FILE"}
    return not named and not any(key.upper() in ("SMTP_URL", "SMTP_URL_FILE") for key in given())


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
    backend = str(mailer.get("BACKEND", ""))
    if not backend.startswith(OURS) and not ours_in(backend):
        return {}
    options = {name: value for name, value in mailer.get("OPTIONS", {}).items() if name in RELAY_SETTINGS}
    if options and not options.get("host"):
        raise ConfigurationError([f"MAILERS['default'] has {', '.join(sorted(options))} in its OPTIONS, and no host"])
    return options
