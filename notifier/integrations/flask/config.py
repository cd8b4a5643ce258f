"""Flask's configuration as Notifier's settings: ``NOTIFIER_*`` and the mapping ``NOTIFIER`` first, then the environment, then ``MAIL_*``.

The keys of ``NOTIFIER`` are the settings of docs/reference/settings.md in small letters, without their prefix.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping
from datetime import timedelta
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlencode

from notifier.errors import ConfigurationError, InvalidAddress
from notifier.integrations.flask.mailboxes import mailbox
from notifier.integrations.flask.typed import debug_level, flag, number

PREFIX = "NOTIFIER_"
MAPPING = "NOTIFIER"
PATHS = ("NOTIFIER_TEMPLATES", "NOTIFIER_UNTRUSTED_TEMPLATES", "NOTIFIER_ATTACHMENT_ROOTS")
_BROKERS = ("NOTIFIER_BROKER_URL", "CELERY_BROKER_URL", "REDIS_URL")
# For a process that asks neither of them; `Settings` wants them named.
NO_BROKER = {"NOTIFIER_BROKER_URL": "memory://", "NOTIFIER_STORE_URL": "redis://localhost"}
_RELAY = (
    "MAIL_SERVER",
    "MAIL_PORT",
    "MAIL_USERNAME",
    "MAIL_PASSWORD",
    "MAIL_USE_TLS",
    "MAIL_USE_SSL",
    "MAIL_MAX_EMAILS",
)
_FLAGS = ("MAIL_USE_TLS", "MAIL_USE_SSL", "MAIL_SUPPRESS_SEND", "MAIL_SEND_NOW", "MAIL_ASCII_ATTACHMENTS")
_STARTTLS, _IMPLICIT = (25, 587), 465
_HOST = re.compile(r"[^\s/?#@]+\Z")


def texts_of(config: Mapping[str, Any]) -> dict[str, str]:
    """Every setting as the environment would have it. Raises `ConfigurationError` with all that has no such form."""
    problems: list[str] = []
    ours = {name: _text(where, value, problems) for name, where, value in _given(config, problems)}
    mails = dict(_from_mail_settings(config, problems))
    for name in _FLAGS:
        flag(config, name, problems)
    debug_level(config, problems, unset=False)
    if problems:
        raise ConfigurationError(problems)
    environ = {name: text for name, text in os.environ.items() if name.removesuffix("_FILE") not in ours}
    mails = {name: text for name, text in mails.items() if f"{name}_FILE" not in environ}
    relevant = {name: text for name, text in environ.items() if name.startswith(PREFIX) or name in _BROKERS}
    return {**mails, **relevant, **ours}


def names_a_broker(texts: Mapping[str, str]) -> bool:
    """Whether mails can be enqueued."""
    return any(texts.get(name) or texts.get(f"{name}_FILE") for name in _BROKERS)


def default_sender(config: Mapping[str, Any]) -> Any:
    """A pair may be a list: JSON and TOML have no others."""
    given = config.get("MAIL_DEFAULT_SENDER")
    return tuple(given) if isinstance(given, list) else given


def _given(config: Mapping[str, Any], problems: list[str]) -> Iterator[tuple[str, str, object]]:
    """Name, where it stands, and value, of what is set in Notifier's own words."""
    mapping = config.get(MAPPING, {})
    if not isinstance(mapping, Mapping) or not all(isinstance(key, str) for key in mapping):
        problems.append("NOTIFIER is a mapping of settings by their names, such as {'broker_url': …}")
        mapping = {}
    for key, value in mapping.items():
        name = PREFIX + key.upper()
        if name in config:
            problems.append(f"{name} and NOTIFIER[{key!r}] are both set; keep one")
        if value is not None:
            yield name, f"NOTIFIER[{key!r}]", value
    for name, value in config.items():
        if name.startswith(PREFIX) and value is not None:
            yield name, name, value


def _text(where: str, value: object, problems: list[str]) -> str:
    if isinstance(value, str | Path):
        return str(value)
    if isinstance(value, list | tuple) and all(isinstance(one, str | Path) for one in value):
        named = f"{PREFIX}{where[10:-2].upper()}" if where.startswith(f"{MAPPING}[") else where
        return (os.pathsep if named in PATHS else " ").join(map(str, value))
    if isinstance(value, timedelta):
        return str(value.total_seconds())
    if isinstance(value, int | float) and not isinstance(value, bool):
        return str(value)
    problems.append(f"{where} is text, a number, a path or a list of them, and not {type(value).__name__}")
    return ""


def _from_mail_settings(config: Mapping[str, Any], problems: list[str]) -> Iterator[tuple[str, str]]:
    if any(config.get(name) is not None for name in _RELAY):
        yield "NOTIFIER_SMTP_URL", _relay_url(config, problems)
    sender = default_sender(config)
    if sender:
        try:
            yield "NOTIFIER_FROM", str(mailbox(sender))
        except InvalidAddress as error:
            problems.append(f"MAIL_DEFAULT_SENDER is no mailbox: {error}")


def _relay_url(config: Mapping[str, Any], problems: list[str]) -> str:
    """Without ``MAIL_USE_TLS`` STARTTLS is still required, but on this host without a password: mail in clear text is asked for
    in NOTIFIER_SMTP_URL itself (``tls=none``), and not by leaving a word out.
    """
    host = config.get("MAIL_SERVER") or "127.0.0.1"
    user, password = (_login(config, name, problems) for name in ("MAIL_USERNAME", "MAIL_PASSWORD"))
    implicit = flag(config, "MAIL_USE_SSL", [])
    if implicit and flag(config, "MAIL_USE_TLS", []):
        problems.append("MAIL_USE_SSL is TLS from the start and MAIL_USE_TLS is STARTTLS; set one of them")
    port = _port(config, problems, implicit=implicit)
    if not isinstance(host, str) or not _HOST.match(host):
        problems.append(
            "MAIL_SERVER is a host's name or address; a port, a user and options have settings of their own"
        )
        host = "localhost"
    # One of the two alone means no login, as with Flask-Mail.
    login = f"{quote(user, safe='')}:{quote(password, safe='')}@" if user and password else ""
    named = f"[{host}]" if ":" in host else host
    where = f"{'smtps' if implicit else 'smtp'}://{login}{named}:{port}"
    return f"{where}?{urlencode(_options(config, problems, implicit=implicit))}".removesuffix("?")


def _port(config: Mapping[str, Any], problems: list[str], *, implicit: bool) -> int:
    """Flask-Mail's is 25, with a password and with TLS from the start too."""
    port = number(config, "MAIL_PORT", problems, least=1, most=65535)
    if implicit and (port in _STARTTLS or config.get("MAIL_PORT") is None):
        problems.append(
            f"MAIL_USE_SSL is TLS from the start, which port {port or 25} is not; set MAIL_PORT, to 465 mostly"
        )
    if port == _IMPLICIT and not implicit:
        problems.append(f"MAIL_PORT {port} is TLS from the start; set MAIL_USE_SSL")
    return port or 25


def _login(config: Mapping[str, Any], name: str, problems: list[str]) -> str:
    value = config.get(name)
    if value is None or (isinstance(value, int) and not isinstance(value, bool)):  # an account whose name is a number
        return "" if value is None else str(value)
    if not isinstance(value, str) or not value.isprintable():
        problems.append(f"{name} is text without line ends and controls")  # and is not shown
        return ""
    return str(value)


def _options(config: Mapping[str, Any], problems: list[str], *, implicit: bool) -> dict[str, object]:
    most = number(config, "MAIL_MAX_EMAILS", problems)
    return {
        **({"tls": "required"} if flag(config, "MAIL_USE_TLS", []) and not implicit else {}),
        # With Flask-Mail nought is no limit.
        **({"messages_per_connection": most} if most else {}),
    }
