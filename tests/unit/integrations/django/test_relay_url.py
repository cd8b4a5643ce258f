from __future__ import annotations

from typing import Any

import pytest
from django_mail import MAILERS  # noqa: F401 - it sets Django up

from notifier.integrations.django.relay_url import relay_url
from notifier.settings.relay import parse_relay
from notifier.smtp import TLSPolicy


@pytest.mark.parametrize(
    ("given", "url"),
    [
        ({"host": "relay.example.com"}, "smtp://relay.example.com"),
        ({"host": "relay.example.com", "port": 2525, "use_tls": True}, "smtp://relay.example.com:2525?tls=required"),
        ({"host": "relay.example.com", "port": 465, "use_ssl": True}, "smtps://relay.example.com:465"),
        ({"host": "::1", "port": 25}, "smtp://[::1]:25"),
        ({"host": "h.example", "username": "a@b", "password": "p:/?#"}, "smtp://a%40b:p%3A%2F%3F%23@h.example"),
        ({"host": "h.example", "username": "", "password": "unused"}, "smtp://h.example"),
        ({"host": "h.example", "username": "unused", "password": ""}, "smtp://h.example"),
    ],
)
def test_djangos_words_are_a_relays_url(given: dict[str, Any], url: str) -> None:
    assert relay_url(**given) == url


def test_what_is_written_is_read_as_it_was_meant() -> None:
    relay = parse_relay(
        relay_url(host="relay.example.com", port=587, username="ü", password="%41&x=y", use_tls=True, timeout=7)
    )
    endpoint = relay.endpoint
    assert (endpoint.host, endpoint.port, endpoint.tls, endpoint.username) == (
        "relay.example.com",
        587,
        TLSPolicy.REQUIRED,
        "ü",
    )
    assert endpoint.password is not None
    assert endpoint.password.reveal() == "%41&x=y"
    assert (endpoint.timeouts.connect, endpoint.timeouts.mail) == (7, 7)


def test_the_last_word_is_waited_for_whatever_the_timeout_of_djangos_socket() -> None:
    assert parse_relay(relay_url(host="localhost", timeout=7)).endpoint.timeouts.final_reply == 600


def test_no_tls_is_not_asked_for_by_leaving_a_word_out() -> None:
    assert parse_relay(relay_url(host="relay.example.com", use_tls=False)).endpoint.tls is TLSPolicy.REQUIRED
    assert parse_relay(relay_url(host="localhost", use_tls=False)).endpoint.tls is TLSPolicy.NONE
