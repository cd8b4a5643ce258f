from __future__ import annotations

import pytest

from notifier.settings.listening import ListenAt, parse_listen_at


@pytest.mark.parametrize(
    ("text", "at"),
    [
        ("", None),
        ("9464", ListenAt("127.0.0.1", 9464)),
        ("192.0.2.1:9464", ListenAt("192.0.2.1", 9464)),
        ("[::]:9464", ListenAt("::", 9464)),
        ("metrics.internal:0", ListenAt("metrics.internal", 0)),
    ],
)
def test_a_port_is_on_loopback_unless_an_address_is_named(text: str, at: ListenAt | None) -> None:
    assert parse_listen_at(text) == at


@pytest.mark.parametrize("text", ["yes", "65536", "::1:9464", "a b:1", "-1", ":9464", "host:"])
def test_what_is_no_address_says_what_one_is(text: str) -> None:
    with pytest.raises(ValueError, match=r"such as 9464"):
        parse_listen_at(text)


def test_an_address_is_shown_as_it_is_written() -> None:
    assert str(ListenAt("::1", 9464)) == "[::1]:9464"
    assert str(ListenAt("127.0.0.1", 9464)) == "127.0.0.1:9464"
