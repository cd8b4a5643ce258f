from __future__ import annotations

from typing import Any

import pytest
from django.core.exceptions import ImproperlyConfigured
from django.test.utils import override_settings
from django_mail import MAILERS

from notifier.integrations.django import conf
from notifier.integrations.django.backend_options import Refusal, check_same_relay, own_relay, split

BY_CALL, BY_MAILER = Refusal("EmailBackend", None), Refusal("EmailBackend", "newsletter")


def test_the_relays_options_and_the_backends_own_are_told_apart_and_none_says_nothing() -> None:
    given = {"host": "h.example", "username": None, "mail_class": "bulk", "tenant": None}
    assert split(given, ("mail_class", "tenant"), BY_CALL) == ({"host": "h.example"}, {"mail_class": "bulk"})


@pytest.mark.parametrize(("refusal", "kind"), [(BY_CALL, TypeError), (BY_MAILER, ImproperlyConfigured)])
def test_an_option_that_nobody_knows_is_refused_by_name(refusal: Refusal, kind: type[Exception]) -> None:
    with pytest.raises(kind, match=r"'hots'; known: fail_silently, host, mail_class") as caught:
        split({"hots": "secret.example"}, ("mail_class",), refusal)
    assert "secret" not in str(caught.value)
    if refusal is BY_MAILER:
        assert "newsletter" in str(caught.value)


def relay(**options: Any) -> Any:
    if MAILERS:
        mailer = {"BACKEND": "notifier.integrations.django.EmailBackend", "OPTIONS": options}
        return override_settings(MAILERS={"default": mailer})
    return override_settings(**{conf.RELAY_SETTINGS[name]: value for name, value in options.items()})


def test_the_workers_own_relay_may_be_named_and_another_one_not() -> None:
    with relay(host="h.example", username="user", password="hunter2"):
        check_same_relay({}, BY_CALL)
        check_same_relay({"host": "h.example", "username": "user", "password": "hunter2", "use_tls": False}, BY_CALL)
        with pytest.raises(ValueError, match="password, username would be of another relay") as caught:
            check_same_relay({"host": "h.example", "username": "me", "password": "hunter3"}, BY_CALL)
    assert "hunter" not in str(caught.value)


def test_a_relay_of_its_own_is_a_url_and_what_is_not_said_is_the_settings() -> None:
    with relay(host="h.example", port=2525):
        assert own_relay({}, BY_CALL) is None
        assert own_relay({"username": "u", "password": "p"}, BY_CALL) == "smtp://u:p@h.example:2525"
        assert own_relay({"host": "other.example"}, BY_CALL) == "smtp://other.example"


def test_options_without_a_host_are_not_laid_over_a_relay_that_they_do_not_know(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Or a login would go to localhost, or to a relay that the settings do not use."""
    with relay(host="h.example"), override_settings(NOTIFIER={"smtp_url": "smtp://relay.example.com"}):
        with pytest.raises(ValueError, match="password, username: of which relay") as caught:
            own_relay({"username": "user", "password": "hunter2"}, BY_CALL)
        assert own_relay({"host": "other.example", "timeout": 5}, BY_CALL) is not None
    assert "hunter" not in str(caught.value)
    monkeypatch.setenv("NOTIFIER_SMTP_URL", "smtp://relay.example.com")
    with pytest.raises(ValueError, match="of which relay"):
        own_relay({"timeout": 5}, BY_CALL)


@pytest.mark.parametrize(("refusal", "kind"), [(BY_CALL, ValueError), (BY_MAILER, ImproperlyConfigured)])
@pytest.mark.parametrize(
    "asked", [{"use_tls": True, "use_ssl": True}, {"port": 70000}, {"ssl_certfile": "/nowhere"}], ids=str
)
def test_a_relay_that_cannot_be_is_refused(refusal: Refusal, kind: type[Exception], asked: dict[str, Any]) -> None:
    with pytest.raises(kind):
        own_relay({"host": "h.example", **asked}, refusal)
