from __future__ import annotations

from typing import Any

import pytest
from django_mail import MAILERS  # noqa: F401 - it sets Django up

from notifier.integrations.django.relay_problems import relay_problems


def told(**options: Any) -> str:
    return "; ".join(relay_problems({"host": "relay.example.com", **options}, lambda name: f"EMAIL_{name.upper()}"))


@pytest.mark.parametrize(
    "options",
    [
        {"host": "::1", "port": "2525"},
        {"host": "bücher.example", "port": 0, "timeout": 0.5},
        {"username": "u@x.example", "password": "p:/?#[]@!$ %&'\"ü"},
        {"port": 465, "use_ssl": True, "use_tls": False},
    ],
    ids=str,
)
def test_nothing_is_said_of_a_relay_that_can_be(options: dict[str, Any]) -> None:
    assert told(**options) == ""


@pytest.mark.parametrize(
    ("options", "name"),
    [
        ({"host": "localhost:1025"}, "EMAIL_HOST"),
        ({"host": "[::1]"}, "EMAIL_HOST"),
        ({"host": "relay.example.com?tls=none"}, "EMAIL_HOST"),
        ({"host": "user:hunter2@relay.example.com"}, "EMAIL_HOST"),
        ({"port": "smtp"}, "EMAIL_PORT"),
        ({"port": 70000}, "EMAIL_PORT"),
        ({"port": 465}, "EMAIL_USE_SSL"),
        ({"timeout": 0}, "EMAIL_TIMEOUT"),
        ({"timeout": "ten"}, "EMAIL_TIMEOUT"),
        ({"username": 7}, "EMAIL_USERNAME"),
        ({"password": "hunter2\n"}, "EMAIL_PASSWORD"),
        ({"password": b"hunter2"}, "EMAIL_PASSWORD"),
        ({"password": "hunter2\ud800"}, "EMAIL_PASSWORD"),
        ({"use_tls": True, "use_ssl": True}, "exclude each other"),
    ],
    ids=str,
)
def test_what_cannot_be_is_told_once_in_djangos_words_and_without_the_password(
    options: dict[str, Any], name: str
) -> None:
    problem = told(**options)
    assert name in problem
    assert "; EMAIL" not in problem
    assert "hunter" not in problem


def test_everything_is_told_at_once() -> None:
    assert told(host="a b", port="x", timeout=-1).count("EMAIL_") == 3
