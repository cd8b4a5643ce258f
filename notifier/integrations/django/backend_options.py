"""What a backend may be told: in ``OPTIONS`` of a mailer, or as arguments of ``get_connection``."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, NoReturn

from django.core.exceptions import ImproperlyConfigured

from notifier.integrations.django import conf
from notifier.integrations.django.relay_problems import relay_problems
from notifier.integrations.django.relay_url import relay_url
from notifier.integrations.django.smtplib_errors import djangos_errors
from notifier.settings.ways import parse_way


class Refusal:
    """Refuses options with the kind of error that Django has for where they came from."""

    def __init__(self, backend: str, alias: str | None) -> None:
        self._backend = backend
        self._alias = alias

    def unknown(self, names: Iterable[str], known: Iterable[str]) -> NoReturn:
        """Raises ``InvalidMailer`` or ``TypeError``."""
        told = f"{', '.join(map(repr, sorted(names)))}; known: {', '.join(sorted(known))}"
        if self._alias is not None:
            self._invalid(f"Unknown options {told}.")
        raise TypeError(f"{self._backend} has no option {told}")

    def wrong(self, reason: str) -> NoReturn:
        """Raises ``InvalidMailer`` or ``ValueError``."""
        if self._alias is not None:
            self._invalid(reason)
        raise ValueError(f"{self._backend}: {reason}")

    def _invalid(self, reason: str) -> NoReturn:
        try:
            from django.core.mail import InvalidMailer  # noqa: PLC0415 - new in Django 6.1
        except ImportError:
            raise ImproperlyConfigured(f"{self._alias}: {reason}") from None
        raise InvalidMailer(reason, alias=self._alias)


def split(options: Mapping[str, Any], own: Iterable[str], refusal: Refusal) -> tuple[dict[str, Any], dict[str, Any]]:
    """The options of a relay, and the backend's ``own``; those that say None say nothing."""
    known = {*conf.RELAY_SETTINGS, *own}
    if unknown := [name for name in options if name not in known]:
        refusal.unknown(unknown, [*known, "fail_silently"])
    told = {name: value for name, value in options.items() if value is not None}
    relay = {name: value for name, value in told.items() if name in conf.RELAY_SETTINGS}
    return relay, {name: value for name, value in told.items() if name not in conf.RELAY_SETTINGS}


def check_same_relay(asked: Mapping[str, Any], refusal: Refusal) -> None:
    """A worker sends by the relay of its settings: it would not know of another one, or of another password."""
    if not asked:
        return
    with djangos_errors():
        configured = conf.relay_options()
    if other := [name for name, value in asked.items() if value != configured.get(name, _UNSAID.get(name))]:
        refusal.wrong(
            f"{', '.join(sorted(other))} would be of another relay than the worker's, which NOTIFIER['smtp_url'] or the default "
            "mailer names. Mails for several relays are of several tenants (the option tenant, NOTIFIER['tenants']); "
            "SMTPBackend sends without a worker"
        )


_UNSAID = {"host": "localhost", "use_tls": False, "use_ssl": False, "username": "", "password": ""}


def own_relay(asked: Mapping[str, Any], refusal: Refusal) -> str | None:
    """The URL of the relay that is asked for; None where that is the settings'."""
    if not asked:
        return None
    options = {"host": "localhost", **_settings_relay(asked, refusal), **asked}
    if problems := list(relay_problems(options, str)):
        refusal.wrong("; ".join(problems))
    url = relay_url(**options)
    try:
        parse_way(url)
    except ValueError as error:
        refusal.wrong(f"the relay {options['host']} {error}")
    return url


def _settings_relay(asked: Mapping[str, Any], refusal: Refusal) -> Mapping[str, Any]:
    """What the others are laid over."""
    if "host" in asked:
        return {}
    with djangos_errors():
        is_known, configured = conf.relay_is_djangos(), conf.relay_options()
    if not is_known:
        refusal.wrong(
            f"{', '.join(sorted(asked))}: of which relay? NOTIFIER_SMTP_URL names this process's, and its options stand "
            "there; name the host of another one"
        )
    return configured
